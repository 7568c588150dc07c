/** Stages read what was stored, and depend on the inputs that they read: a result of changed inputs is not stored under the key. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

const experiment = (does: string) => `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { value: "good" })} } }
  b: { use: command, from: { i: a }, with: { run: ${puppet("b", { does })} } }
  c: { use: command, from: { a: a, b: b }, with: { run: ${puppet("c", { value: "$(cat {in.a}/*)" })} } }
`;

const vandals = {
  "by writing into a file": "chmod u+w {in.i}/value; echo BAD >> {in.i}/value",
  "by putting another in its place": "rm -f {in.i}/value; echo BAD > {in.i}/value",
  "by putting one beside it": "echo extra > {in.i}/extra",
  "by taking it away": "rm -f {in.i}/value",
};

const failed = async (rig: Rig) => {
  const { code, stderr } = await rig.pipe("run", "e.yaml");
  assert.strictEqual(code, 1, stderr);
  assert.include(stderr, "the files of its input `i` were changed");
};

describe("a stage that changes its input", () => {
  for (const [how, does] of Object.entries(vandals)) {
    it(
      `${how} fails, and the changed input is made again before anybody uses it`,
      inRig(async (rig) => {
        rig.write("e.yaml", experiment(`[ -e fixed ] || { ${does}; }`));
        await failed(rig);
        assert.deepStrictEqual(rig.newCalls(), ["a", "b"]);
        rig.write("fixed", "");
        const { code, stderr } = await rig.pipe("run", "e.yaml");
        assert.strictEqual(code, 0, stderr);
        assert.deepStrictEqual(await rig.filesOf("c"), { value: "good\n" });
        assert.deepStrictEqual(await rig.due("e.yaml"), []);
      }),
    );
  }
});

it(
  "an input damaged between plan and use fails the stage that reads it",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, with: { run: ${puppet("b")} } }
  c: { use: command, from: { i: a, b: b }, with: { run: ${puppet("c")} } }
`,
    );
    await rig.pipe("run", "e.yaml", "--only", "a");
    const [tree = ""] = fs.readdirSync(rig.path(".pipe/trees"));
    const file = rig.path(".pipe/trees", tree, "value");
    rig.write(
      "e.yaml",
      rig
        .read("e.yaml")
        .replace('echo \\"b\\" >> calls', `echo b >> calls; chmod u+w ${file}; : > ${file}`),
    );
    rig.newCalls();
    await failed(rig);
    assert.deepStrictEqual(rig.newCalls(), ["b"]);
  }),
);

/** Arms with different rewards, of which `vote` alone asks the captioner. */
const arms = (captionerSeed: number) => `name: arms
axes: { reward: [oracle, { label: vote, surrogate: vote, as: exact }] }
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 8, train_rl: 8 } } }
  cot: { use: distill, from: { data: data } }
  start: { use: sft, from: { data: cot } }
  captioner: { use: sft, from: { data: cot }, with: { seed: ${captionerSeed} } }
  policy: { use: grpo, from: { model: start, data: data, captioners: { all: captioner } }, with: { perception: $reward } }
`;

it(
  "an edit of a captioner changes the keys of the arms that ask it, and of no other",
  inRig(async (rig) => {
    const recipes = async (seed: number) => {
      rig.write("arms.yaml", arms(seed));
      const { code, stdout, stderr } = await rig.pipe("plan", "--json", "arms.yaml");
      assert.strictEqual(code, 0, stderr);
      return new Map(jsonLines(stdout).map(({ node, recipe }) => [node, recipe]));
    };
    const before = await recipes(1);
    const after = await recipes(2);
    const changed = [...before.keys()].filter((node) => before.get(node) !== after.get(node));
    assert.deepStrictEqual(changed, ["captioner", "policy[reward=vote]"]);
  }),
);

it(
  "an input without a reader is no error where the command line chose the points or the params",
  inRig(async (rig) => {
    rig.write("arms.yaml", arms(1));
    for (const choice of [
      ["--axis", "reward=oracle"],
      ["--set", "policy.perception=oracle"],
    ]) {
      const { code, stdout, stderr } = await rig.pipe("plan", "--json", "arms.yaml", ...choice);
      assert.strictEqual(code, 0, stderr);
      const nodes = jsonLines(stdout).map(({ node }) => String(node));
      assert.strictEqual(nodes.filter((node) => node.startsWith("policy")).length, 1);
    }
  }),
);
