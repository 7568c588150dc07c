/** Failures of the disk are reported as trouble with the store, with a fix. */
import { assert, describe, it } from "@effect/vitest";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import { inRig, puppet } from "../rig/Rig.ts";

it(
  "a file in place of the store is not an empty store",
  inRig(async (rig) => {
    rig.write("e.yaml", `name: e\nstages:\n  a: { use: command, with: { run: ${puppet("a")} } }\n`);
    rig.write("file", "");
    for (const command of [["plan", "e.yaml"], ["run", "e.yaml"], ["gc"], ["gc", "--delete"]]) {
      const { code, stderr } = await rig.start(command, { PIPE_HOME: "file" }).ended;
      assert.strictEqual(code, 4, `${command.join(" ")}: ${stderr}`);
      assert.include(stderr, "point PIPE_HOME at a directory");
    }
  }),
);

it(
  "a disk that is full while inputs are prepared",
  inRig(async (rig) => {
    rig.write(
      "full.cjs",
      `const fs = require("node:fs"), write = fs.writeFileSync;
fs.writeFileSync = (file, ...more) => {
  if (!String(file).includes("/index.json.")) return write(file, ...more);
  throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
};
`,
    );
    rig.write(
      "e.yaml",
      `name: e
axes: { x: [1, 2] }
stages:
  a: { use: command, with: { run: ${puppet("a${x}")} } }
  b: { use: command, from: { a: { all: a } }, with: { run: ${puppet("b")} } }
`,
    );
    const { code, stderr } = await rig.start(["run", "e.yaml"], {
      NODE_OPTIONS: `--require=${rig.path("full.cjs")}`,
    }).ended;
    assert.strictEqual(code, 4, stderr);
    assert.match(stderr, /ENOSPC.*\n.*free some space/u);
    assert.notInclude(stderr, "mistake in pipe");
    assert.deepStrictEqual(await rig.made("e.yaml"), ["a1", "a2", "b"]);
  }),
);

describe("every kind of trouble has its own fix:", () => {
  const fallback = storeTrouble("x")(new Error("y")).fix;
  for (const error of [
    { code: "EIO" },
    { code: "EMLINK" },
    { code: "ENOENT" },
    { code: "ENOTDIR" },
    { errcode: 10 },
    { errcode: 10 | (3 << 8) },
  ])
    it(JSON.stringify(error), () => {
      const { fix } = storeTrouble("x")(Object.assign(new Error("y"), error));
      assert.notStrictEqual(fix, fallback);
    });
});
