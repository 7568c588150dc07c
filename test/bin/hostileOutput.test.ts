/** What a stage may do to its output directory and to the store; none of it takes anything else along. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

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

describe("a stage that takes rights away from what it has made, for a user to whom that matters", () => {
  const nobody = 65534;

  /** Root may do everything: then it is somebody else who runs `pipe`. */
  const pipeAsUser = (rig: Rig, ...args: ReadonlyArray<string>) => {
    const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
    if (user.uid !== undefined) fs.chownSync(rig.directory, nobody, nobody);
    const { status, stdout, stderr } = spawnSync(path.join(root, "bin/pipe"), args, {
      cwd: rig.directory,
      env: { PATH: process.env["PATH"], HOME: rig.directory, NO_COLOR: "1" },
      encoding: "utf8",
      ...user,
    });
    return { code: status, stdout, stderr };
  };

  const closing = (call: string, does: string) =>
    `{ use: command, with: { run: ${puppet(call, { does })} } }`;

  it(
    "from directories: it is stored, what is like it, too, and gc takes it away",
    inRig(async (rig) => {
      const closed = "mkdir {out}/d; echo same > {out}/d/f; chmod a-w {out}/d";
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: ${closing("a", closed)}
  b: ${closing("b", closed)}
  c: ${closing("c", "mkdir {out}/d; echo other > {out}/d/g; echo same > {out}/d/f; chmod 0 {out}/d; sleep 0.01")}
`,
      );
      const made = pipeAsUser(rig, "run", "e.yaml");
      assert.strictEqual(made.code, 0, made.stderr);
      const [run] = fs.readdirSync(rig.path(".pipe/runs"));
      fs.rmSync(rig.path(".pipe/runs", run ?? ""), { recursive: true });
      const swept = pipeAsUser(rig, "gc", "--delete");
      assert.strictEqual(swept.code, 0, swept.stderr);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/trees")), []);
    }),
  );

  it(
    "from directories, and then fails: it can be tried again, and gc takes away what it left",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: ${closing("a", "mkdir {out}/d; echo x > {out}/d/f; chmod a-w {out}/d; exit 1")}
`,
      );
      for (const calls of [["a"], ["a", "a"]]) {
        const { code, stderr } = pipeAsUser(rig, "run", "e.yaml");
        assert.strictEqual(code, 1, stderr);
        assert.deepStrictEqual(rig.calls, calls);
      }
      const swept = pipeAsUser(rig, "gc", "--delete");
      assert.strictEqual(swept.code, 0, swept.stderr);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/work")), []);
    }),
  );

  it(
    "from a file: that is the stage's failure, and no trouble of the store",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages:\n  a: ${closing("a", "echo x > {out}/g; chmod 0 {out}/g")}\n`,
      );
      const { code, stdout, stderr } = pipeAsUser(rig, "run", "e.yaml", "--json");
      assert.strictEqual(code, 1, stderr);
      const failed = jsonLines(stdout).find((event) => event["_tag"] === "NodeFailed");
      assert.match(String(failed?.["message"]), /what it made can't be kept: EACCES.*\/g/u);
    }),
  );
});
