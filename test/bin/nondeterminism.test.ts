/** Nondeterministic work: both results are kept, and the numbers say so. */
import { assert, describe, it } from "@effect/vitest";
import type { NondeterministicNode } from "../../pipelines/history/nondeterminism.ts";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

/** a counts its calls, b copies a, c is constant; d needs b and c. */
const experiment = `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { value: "$(grep -c a calls)" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "b of $(cat {in.a}/value)" })} } }
  c: { use: command, with: { run: ${puppet("c")} } }
  d: { use: command, from: { b: b, c: c }, with: { run: ${puppet("d")} } }
`;

const forced = async (rig: Rig, stage: string, ...args: ReadonlyArray<string>) => {
  const result = await rig.pipe("run", "e.yaml", "--force", stage, ...args);
  assert.strictEqual(result.code, 0, result.stderr);
  return result;
};

describe("a remade node", () => {
  it(
    "with a different result warns at once; both are kept, and downstream nodes use the newest",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const { stderr } = await forced(rig, "a");
      assert.deepStrictEqual(rig.newCalls(), ["a", "b", "d"]);
      assert.match(stderr, /^≠ a +not reproducible/mu);
      assert.match(stderr, /^not reproducible: 1 node of e-2 gave different results/mu);
      assert.match(stderr, /^ {2}a: 2 different results kept;/mu);
      const [now = "", before = ""] = [...stderr.matchAll(/npx pipe show ([0-9a-f]+)/gu)].map(
        ([, digest]) => digest,
      );
      for (const [digest, value] of [
        [now, "2\n"],
        [before, "1\n"],
        ["e-2/a", "2\n"],
        ["e-1/a", "1\n"],
      ] as const)
        assert.strictEqual((await rig.filesOf(digest))["value"], value, digest);
      assert.strictEqual((await rig.filesOf("b"))["value"], "b of 2\n");

      assert.deepStrictEqual(await rig.made("e.yaml"), [], "the newest is what counts");
      assert.strictEqual((await rig.filesOf("b"))["value"], "b of 2\n");
    }),
  );

  it(
    "with an equal result gives no warning, and downstream nodes stay cached",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      for (let time = 0; time < 2; time += 1) {
        const { stderr } = await forced(rig, "c");
        assert.deepStrictEqual(rig.newCalls(), ["c"]);
        assert.notInclude(stderr, "reproducible");
      }
    }),
  );

  it(
    "names the earlier result in its JSON event",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      await rig.made("e.yaml");
      const events = jsonLines((await forced(rig, "a", "--json")).stdout);
      const made = (node: string) =>
        events.find((event) => event["_tag"] === "NodeSucceeded" && event["node"] === node);
      const first = jsonLines((await rig.pipe("show", "--json", "e-1/a")).stdout);
      const digest = (first[0]?.["artifact"] as { readonly digest: string } | undefined)?.digest;
      assert.strictEqual(made("a")?.["differs"], digest);
      assert.notProperty(made("b"), "differs", "other bytes from other inputs are no wonder");
      assert.notProperty(made("d"), "differs");
      const nodes = jsonLines((await rig.pipe("status", "--json")).stdout);
      assert.strictEqual(nodes.find(({ node }) => node === "a")?.["differs"], digest);
    }),
  );
});

const table = {
  format: 1,
  models: ["micro"],
  interval: "Wilson 95 %",
  axes: [],
  pooledOver: [],
  rows: [{ labels: {}, points: 1, a: null, a_p: null, a_r: null, perception_f1: 0.5, reasons: {} }],
  pooled: [],
};

/** Gives a run a table, as if a stage had made one. */
const addTable = (rig: Rig, run: string) => {
  const file = `.pipe/runs/${run}/plan.json`;
  const plan = JSON.parse(rig.read(file)) as { readonly nodes: Array<object> };
  const [first] = plan.nodes;
  plan.nodes.push({ ...first, node: "table", stageName: "table", kind: "table", recipe: "0" });
  rig.write(file, JSON.stringify(plan));
  rig.write(`.pipe/runs/${run}/artifacts/table/table.json`, JSON.stringify(table));
};

it(
  "the table lists the nondeterministic nodes below its numbers, in every run with them",
  inRig(async (rig) => {
    rig.write("e.yaml", experiment);
    await rig.made("e.yaml");
    addTable(rig, "e-1");
    assert.notInclude((await rig.pipe("table", "e-1")).stdout, "reproducible");
    const [plain] = jsonLines((await rig.pipe("table", "e-1", "--json")).stdout);
    assert.notProperty(plain, "nondeterministic");

    await forced(rig, "a");
    await rig.pipe("run", "e.yaml");
    addTable(rig, "e-3");
    for (const run of ["e-1", "e-3"]) {
      const { code, stdout } = await rig.pipe("table", run);
      assert.strictEqual(code, 0);
      const [numbers = "", below = ""] = stdout.split(`not reproducible: 1 node of ${run}`);
      assert.match(numbers, /^.*\.500$/mu, numbers);
      assert.match(below, /^ {2}a: 2 different results kept;.+npx pipe show [0-9a-f]{12}, npx/mu);
    }
    const [json] = jsonLines((await rig.pipe("table", "e-3", "--json")).stdout);
    const [node, ...others] = (json?.["nondeterministic"] ??
      []) as ReadonlyArray<NondeterministicNode>;
    assert.deepStrictEqual(others, []);
    assert.strictEqual(node?.node, "a");
    assert.strictEqual(node?.kept.length, 2);
    assert.strictEqual(node?.kept[0], node?.artifact, "this run has the newest");
  }),
);
