import { assert, describe, it } from "@effect/vitest";
import type { Node } from "../../../pipelines/experiment/Node.ts";
import type { PlannedNode } from "../../../pipelines/plan/Plan.ts";
import { totals } from "../../../pipelines/plan/TimeEstimate.ts";

const due = (
  stageName: string,
  inputs: ReadonlyArray<PlannedNode> = [],
  resources: Partial<Node["resources"]> = {},
): PlannedNode => {
  const from = Object.fromEntries(inputs.map(({ node }, index) => [`in${index}`, node]));
  const node = {
    name: stageName,
    stageName,
    inputs: from,
    resources: { cpus: 1, memory: 0, gpus: 0, ...resources },
  };
  return { node: node as unknown as Node, recipe: "", status: "run", because: { _tag: "New" } };
};

describe("the due nodes take", () => {
  const secondsOf = ({ stageName }: Node) => ({ a: 10, b: 60 })[stageName] ?? 0;

  it("as long as their longest chain, or as their work divided by the jobs", () => {
    const first = due("a");
    const nodes = [first, due("b", [first]), due("b", [first]), due("b", [first])];
    assert.deepInclude(totals(nodes, secondsOf, 1), { seconds: 190, elapsed: 190 });
    assert.deepInclude(totals(nodes, secondsOf, 2), { seconds: 190, elapsed: 95 });
    assert.deepInclude(totals(nodes, secondsOf, 8), { seconds: 190, elapsed: 70 });
  });

  it("several slots where they demand several, and GPU-hours where they demand GPUs", () => {
    const nodes = [due("b", [], { cpus: 4, gpus: 2 }), due("b", [], { cpus: 4, gpus: 2 })];
    assert.strictEqual(totals(nodes, secondsOf, 4).elapsed, 120);
    assert.closeTo(totals(nodes, secondsOf, 4).gpuHours, 240 / 3600, 1e-12);
  });

  it("no estimated time where their stages have no earlier runs", () => {
    assert.strictEqual(totals([due("c")], secondsOf, 1).seconds, 0);
  });
});
