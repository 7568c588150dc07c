/** `--only` and `--force`: exactly what is named is made, once, and the wave stops where nothing changes. */
import { assert, describe, it } from "@effect/vitest";
import { inRig, puppet } from "../rig/Rig.ts";

/** b and c take from a point by point, d from all of c. */
const experiment = `name: e
axes: { x: [1, 2, 3] }
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}")} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet("c${x}")} } }
  d: { use: command, from: { c: { all: c } }, with: { run: ${puppet("d")} } }
`;

describe("--only", () => {
  it(
    "makes a node and what it needs, and then nothing",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "c[x=2]"), ["a", "b2", "c2"]);
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "c[x=2]"), []);
      assert.deepStrictEqual(await rig.due("e.yaml", "--only", "b[x=1]"), ["run b[x=1]"]);
      assert.deepStrictEqual(
        await rig.made("e.yaml", "--only", "b", "--only", "c[x=3]"),
        ["b1", "b3", "c3"],
        "a stage for all its points, several at once",
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["c1", "d"]);
    }),
  );

  it(
    "is part of the command to go on with",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment.replace(puppet("c${x}"), '"false"'));
      const { stderr } = await rig.pipe("run", "e.yaml", "--only", "c[x=2]", "--axis", "x=1,2");
      assert.include(stderr, "go on with: npx pipe run e.yaml --axis x=1,2 --only 'c[x=2]'");
    }),
  );
});

describe("--force outside of --only", () => {
  it(
    "is said to be left out, not unknown; of a stage that is there in part, what is there is made anew",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const { code, stderr } = await rig.pipe("run", "e.yaml", "--only", "b", "--force", "c");
      assert.strictEqual(code, 2);
      assert.include(stderr, "--force: `c` is left out by --only");
      assert.notInclude(stderr, "unknown");
      const unknown = await rig.pipe("run", "e.yaml", "--only", "b", "--force", "nothing");
      assert.include(unknown.stderr, "--force: unknown stage or node `nothing`");
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "b[x=2]", "--force", "b"), ["b2"]);
    }),
  );
});

describe("--force", () => {
  it(
    "makes all points of a stage anew, once; equal bytes leave what depends on them cached",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "b"), ["b1", "b2", "b3"]);
      assert.deepStrictEqual(await rig.made("e.yaml"), [], "it was for once");
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "a"), ["a"]);
    }),
  );

  it(
    "makes one node anew, and with other bytes what depends on it, as far as that changes",
    inRig(async (rig) => {
      rig.write("value", "1");
      // What it reads is not in its key: nobody but --force makes it look again.
      const reading = experiment.replace(
        puppet("b${x}"),
        puppet("b${x}", { value: "b${x} $(cat value)" }),
      );
      rig.write("e.yaml", reading);
      await rig.made("e.yaml");
      rig.write("value", "2");
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "b[x=2]"), ["b2", "c2"]);
      assert.deepStrictEqual((await rig.filesOf("b[x=2]"))["value"], "b2 2\n");
      assert.deepStrictEqual((await rig.filesOf("b[x=1]"))["value"], "b1 1\n");
    }),
  );

  it(
    "makes one piece of work once, also where two forced nodes ask for it",
    inRig(async (rig) => {
      const same = `{ use: command, with: { run: ${puppet("same")} } }`;
      rig.write("e.yaml", `name: e\nstages: { a: ${same}, b: ${same} }\n`);
      assert.deepStrictEqual(await rig.made("e.yaml"), ["same"]);
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "a", "--force", "b"), ["same"]);
    }),
  );

  it(
    "together with --only makes anew what is both",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const both = ["e.yaml", "--force", "b[x=1]", "--only", "c[x=1]"];
      assert.deepStrictEqual(await rig.made(...both), ["b1"]);
    }),
  );
});

it(
  "a name that is none gets the nearest that is, exit code 2, and nothing is made",
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    for (const flag of ["--only", "--force"])
      for (const command of ["run", "plan"]) {
        const { code, stderr } = await rig.pipe(command, "e.yaml", flag, "c[x=22]");
        assert.strictEqual(code, 2);
        assert.include(stderr, `${flag}: unknown stage or node \`c[x=22]\``);
        assert.match(stderr, /did you mean `c\[x=[123]\]`\?/u);
      }
    const outside = await rig.pipe("run", "e.yaml", "--only", "b", "--force", "d");
    assert.strictEqual(outside.code, 2, "what --only leaves out can't be forced");
    assert.deepStrictEqual(rig.calls, []);
    assert.isFalse(rig.has(".pipe"));
  }),
);
