/** `--only` and `--force`: exactly the named nodes are made, once, and nothing downstream of equal results. */
import { assert, describe, it } from "@effect/vitest";
import { inRig, puppet } from "../rig/Rig.ts";

/** b and c need a point by point, d needs all of c. */
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
    "makes a node and what it needs, and nothing the second time",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "c[x=2]"), ["a", "b2", "c2"]);
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "c[x=2]"), []);
      assert.deepStrictEqual(await rig.due("e.yaml", "--only", "b[x=1]"), ["run b[x=1]"]);
      assert.deepStrictEqual(
        await rig.made("e.yaml", "--only", "b", "--only", "c[x=3]"),
        ["b1", "b3", "c3"],
        "a stage with all its points, and several names",
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["c1", "d"]);
    }),
  );

  it(
    "is part of the command that continues",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment.replace(puppet("c${x}"), '"false"'));
      const { stderr } = await rig.pipe("run", "e.yaml", "--only", "c[x=2]", "--axis", "x=1,2");
      assert.include(stderr, "continue with: npx pipe run e.yaml --axis x=1,2 --only 'c[x=2]'");
    }),
  );
});

describe("--force outside of --only", () => {
  it(
    "is reported as left out, not as unknown; of a partly selected stage, the selected points are remade",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const { code, stderr } = await rig.pipe("run", "e.yaml", "--only", "b", "--force", "c");
      assert.strictEqual(code, 2);
      assert.include(stderr, "--force c: --only leaves `c` out");
      assert.notInclude(stderr, "unknown");
      const unknown = await rig.pipe("run", "e.yaml", "--only", "b", "--force", "nothing");
      assert.include(unknown.stderr, "--force: unknown stage or node `nothing`");
      assert.deepStrictEqual(await rig.made("e.yaml", "--only", "b[x=2]", "--force", "b"), ["b2"]);
    }),
  );
});

describe("--force", () => {
  it(
    "remakes all points of a stage once; nodes downstream of equal results stay cached",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "b"), ["b1", "b2", "b3"]);
      assert.deepStrictEqual(await rig.made("e.yaml"), [], "it was for once");
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "a"), ["a"]);
    }),
  );

  it(
    "remakes one node, and after a different result its downstream nodes, as far as results change",
    inRig(async (rig) => {
      rig.write("value", "1");
      // The file it reads is not in its key, so only --force rereads it.
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
    "makes equal work of two forced nodes once",
    inRig(async (rig) => {
      const same = `{ use: command, with: { run: ${puppet("same")} } }`;
      rig.write("e.yaml", `name: e\nstages: { a: ${same}, b: ${same} }\n`);
      assert.deepStrictEqual(await rig.made("e.yaml"), ["same"]);
      assert.deepStrictEqual(await rig.made("e.yaml", "--force", "a", "--force", "b"), ["same"]);
    }),
  );

  it(
    "together with --only remakes the nodes that both name",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const both = ["e.yaml", "--force", "b[x=1]", "--only", "c[x=1]"];
      assert.deepStrictEqual(await rig.made(...both), ["b1"]);
    }),
  );
});

it(
  "an unknown name gives the nearest valid name and exit code 2, and nothing is made",
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
