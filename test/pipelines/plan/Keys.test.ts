/** Pins the format of keys: a change invalidates every stored result. */
import { assert, describe, it } from "@effect/vitest";
import { compile } from "../../../pipelines/experiment/Compile.ts";
import { keyOf, type KeyFields } from "../../../pipelines/plan/Keys.ts";
import { Source } from "../../../pipelines/experiment/Source.ts";
import { canonicalJson, digestJson } from "../../../schemas/Digest.ts";
import { stages } from "../../../stages/stages.ts";

const fields: KeyFields = {
  stage: "sft",
  version: 3,
  params: { seed: 1, loss: { kind: "fixed", lambda: 0.3 }, ö: [1e21, -0, 1.5, "\u2028"] },
  inputs: {
    data: "00".repeat(32),
    scores: [
      { labels: { loss: "λ=0.3", seed: "0" }, identity: "11".repeat(32) },
      { labels: { loss: "token", seed: "1" }, identity: "22".repeat(32) },
    ],
  },
  sources: { "b.py": "33".repeat(32), "a/": "44".repeat(32) },
  environment: "locks-1",
};

// The digests come from Python, not from this code: SHA-256 of json.dumps with sorted keys and without blanks.
describe("golden vectors", () => {
  const golden: Readonly<Record<string, readonly [KeyFields, string]>> = {
    "every field": [fields, "2b4e63434baddf9c442a7cf319fa1007efef03aff336c5552cdee910e17a8ab6"],
    "no sources, no environment": [
      { stage: "score", version: 1, params: {}, inputs: {} },
      "9ecbaadd89559bea65bec8ad129651e294aacc4c5823acf441f618d525a01547",
    ],
    "one input": [
      { stage: "distill", version: 1, params: {}, inputs: { data: "ab".repeat(32) } },
      "27084d5e4b629b7904d3ea07adb2375f374f11d74bf33bf22f16652bf92bb247",
    ],
  };
  for (const [what, [given, key]] of Object.entries(golden))
    it(what, () => assert.strictEqual(keyOf(given), key));

  it("the text that is hashed", () => {
    const text =
      '{"format":1,"inputs":{"data":"ab"},"params":{"a":2,"b":[true,null,"x"]},"stage":"s","version":1}';
    const given = {
      stage: "s",
      version: 1,
      params: { b: [true, null, "x"], a: 2 },
      inputs: { data: "ab" },
    };
    assert.strictEqual(keyOf(given), digestJson(JSON.parse(text) as never));
    assert.strictEqual(canonicalJson(JSON.parse(text) as never), text);
  });
});

describe("every field changes the key:", () => {
  const edits: Readonly<Record<string, KeyFields>> = {
    stage: { ...fields, stage: "sfu" },
    version: { ...fields, version: 4 },
    "a param": { ...fields, params: { seed: 2 } },
    "an input": { ...fields, inputs: { ...fields.inputs, data: "01".repeat(32) } },
    "an input's name": { ...fields, inputs: { ...fields.inputs, more: "00".repeat(32) } },
    "a label": {
      ...fields,
      inputs: { scores: [{ labels: { loss: "λ=0.4" }, identity: "11".repeat(32) }] },
    },
    "the order of a fan-in": {
      ...fields,
      inputs: {
        ...fields.inputs,
        scores: [...(fields.inputs["scores"] as ReadonlyArray<never>)].reverse(),
      },
    },
    "a source's content": {
      ...fields,
      sources: { "b.py": "35".repeat(32), "a/": "44".repeat(32) },
    },
    "a source's path": { ...fields, sources: { "c.py": "33".repeat(32), "a/": "44".repeat(32) } },
    environment: { ...fields, environment: "locks-2" },
  };
  const keys = Object.values(edits).map(keyOf);
  for (const [what, given] of Object.entries(edits))
    it(what, () => assert.notStrictEqual(keyOf(given), keyOf(fields)));
  it("each to a different key", () => assert.strictEqual(new Set(keys).size, keys.length));

  it("the order of names in a record does not", () => {
    const sources = { "a/": "44".repeat(32), "b.py": "33".repeat(32) };
    assert.strictEqual(keyOf({ ...fields, sources }), keyOf(fields));
  });
});

/** The params in the key of a node. */
const keyParams = (text: string, name = "s"): unknown => {
  const { graph, diagnostics } = compile(new Source("e.yaml", text), { set: [], axis: [] }, stages);
  assert.deepStrictEqual(diagnostics, []);
  return graph?.nodes.find((node) => node.stageName === name)?.params.key;
};

describe("params in a key", () => {
  const sft = (params: string) => `name: e
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  s: { use: sft, from: { data: c }, with: ${params} }
`;
  const same: ReadonlyArray<readonly [string, unknown]> = [
    ["{}", {}],
    ["{ steps: 500, batch: 32, loss: { kind: token } }", {}],
    ["{ model: { kind: micro } }", {}],
    ["{ model: { kind: micro, size: nano } }", {}],
    ["{ model: { kind: micro, size: micro } }", { model: { kind: "micro", size: "micro" } }],
    ["{ model: { size: small, kind: micro } }", { model: { kind: "micro", size: "small" } }],
    ["{ seed: 1, learning_rate: 0.003 }", { seed: 1 }],
    ["{ learning_rate: 3e-3, seed: 1.0 }", { seed: 1 }],
    ["{ loss: { kind: fixed, lambda: 0.30 } }", { loss: { kind: "fixed", lambda: 0.3 } }],
  ];
  for (const [params, expected] of same)
    it(`of ${params} are ${JSON.stringify(expected)}`, () =>
      assert.deepStrictEqual(keyParams(sft(params)), expected));

  it("have no time limit and no directory", () => {
    const command = `name: e
stages:
  a: { use: files, with: { path: x } }
  s: { use: command, from: { a: a }, with: { run: "cat {in.a}/x > {out}/y", timeout: 3 seconds } }
`;
    assert.deepStrictEqual(keyParams(command), { run: "cat {in.a}/x > {out}/y" });
  });
});
