/** Things that a stage can do to its output directory and to the store without harm to anything else. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

describe("a stage that removes a directory of the store", () => {
  it(
    "is stored, even where the store already has its bytes",
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

describe("a stage that replaces its output directory", () => {
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
      assert.match(stderr, /its output can't be stored: .*\/out is not a directory/u);
      assert.deepStrictEqual(fs.readdirSync(rig.path("mine")), ["value"]);
      assert.strictEqual(fs.statSync(rig.path("mine/value")).mode & 0o777, mode);
      fs.appendFileSync(rig.path("mine/value"), " still");
    });
  const mode = 0o666 & ~process.umask();

  it(
    "fails with a link, and the files behind it are untouched",
    replacing("ln -s $PWD/mine {out}"),
  );
  it("fails with a file", replacing("echo x > {out}"));
});

describe("a stage that removes permissions, for a user without root rights,", () => {
  const nobody = 65534;

  /** Root has all permissions, so root runs `pipe` as another user. */
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
    "from directories is stored, and so is an equal one, and gc deletes them",
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
    "from directories and then fails can be retried, and gc deletes its leftovers",
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
    "from a file fails, without trouble for the store",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages:\n  a: ${closing("a", "echo x > {out}/g; chmod 0 {out}/g")}\n`,
      );
      const { code, stdout, stderr } = pipeAsUser(rig, "run", "e.yaml", "--json");
      assert.strictEqual(code, 1, stderr);
      const failed = jsonLines(stdout).find((event) => event["_tag"] === "NodeFailed");
      assert.match(String(failed?.["message"]), /its output can't be stored: EACCES.*\/g/u);
    }),
  );
});

describe.skipIf(process.getuid?.() !== 0)("output that belongs to another user", () => {
  const user = "12345";
  const words = `setpriv --reuid ${user} --regid ${user} --clear-groups --inh-caps=+chown --ambient-caps=+chown --bounding-set=-all,+chown`;

  /** `pipe` as a user who has no right but to give files away, as a container's daemon does. */
  const pipeAsGiver = (rig: Rig, ...args: ReadonlyArray<string>) => {
    fs.chownSync(rig.directory, Number(user), Number(user));
    const [program = "", ...options] = words.split(" ");
    const { status, stdout, stderr } = spawnSync(
      program,
      [...options, path.join(root, "bin/pipe"), ...args],
      {
        cwd: rig.directory,
        env: { PATH: process.env["PATH"], HOME: rig.directory, NO_COLOR: "1" },
        encoding: "utf8",
      },
    );
    return { code: status, stdout, stderr };
  };

  it(
    "is stored by copying, other nodes go on, and gc deletes what it may",
    inRig(async (rig) => {
      const given =
        "mkdir {out}/d; echo 2 > {out}/d/theirs; echo 3 > {out}/top; chown -R 0:0 {out}/d {out}/top";
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: given })} } }
  b: { use: command, from: { a: a }, with: { run: "cat {in.a}/d/theirs {in.a}/top > {out}/x" } }
  c: { use: command, with: { run: ${puppet("c", { does: "echo 1 > {out}/x; exit 3" })} } }
`,
      );
      const made = pipeAsGiver(rig, "run", "-k", "e.yaml");
      assert.strictEqual(made.code, 1, made.stderr);
      assert.strictEqual(rig.read(".pipe/runs/e-1/artifacts/b/x"), "2\n3\n");
      assert.include(made.stderr, "can't be removed");
      const again = pipeAsGiver(rig, "run", "e.yaml", "--only", "b", "--force", "a");
      assert.strictEqual(again.code, 0, again.stderr);
      const swept = pipeAsGiver(rig, "gc", "--delete");
      assert.strictEqual(swept.code, 4, swept.stdout);
      assert.include(swept.stdout + swept.stderr, "theirs");
      assert.strictEqual(fs.readdirSync(rig.path(".pipe/work")).length, 1);
      assert.deepStrictEqual((await rig.filesOf("b"))["x"], "2\n3\n");
    }),
  );
});
