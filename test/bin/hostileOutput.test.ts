/** What a stage may do to its output directory and to the store; none of it takes anything else along. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inRig, puppet } from "../rig/Rig.ts";

describe("a stage that removes a directory of the store", () => {
  it(
    "is stored all the same, also where the store has its bytes already",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "echo same > {out}/f" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { does: "rm -rf .pipe/incoming; echo same > {out}/f; mkdir {out}/empty; ln -s f {out}/link" })} } }
`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a", "b"]);
      assert.deepStrictEqual(await rig.filesOf("b"), {
        f: "same\n",
        link: "same\n",
        value: "b\n",
      });
    }),
  );
});

describe("a stage that puts something else in the place of its output directory", () => {
  const replacing = (shell: string) =>
    inRig(async (rig) => {
      rig.write("mine/value", "mine");
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: ${JSON.stringify(`rmdir {out}; ${shell}`)} } }
`,
      );
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 1, stderr);
      assert.match(stderr, /what it made can't be kept: .*\/out is not a directory/u);
      assert.deepStrictEqual(fs.readdirSync(rig.path("mine")), ["value"]);
      assert.strictEqual(fs.statSync(rig.path("mine/value")).mode & 0o777, mode);
      fs.appendFileSync(rig.path("mine/value"), " still");
    });
  const mode = 0o666 & ~process.umask();

  it(
    "fails: a link, behind which the person's own files stay as they are",
    replacing("ln -s $PWD/mine {out}"),
  );
  it("fails: a file", replacing("echo x > {out}"));
});
