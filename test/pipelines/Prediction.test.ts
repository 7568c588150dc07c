import { assert, describe, it } from "@effect/vitest";
import type { Node } from "../../pipelines/Compile.ts";
import type { PlannedNode } from "../../pipelines/Plan.ts";
import { median, totals } from "../../pipelines/Prediction.ts";

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

it("the median is the middle, or the mean of the two in the middle", () => {
  assert.strictEqual(median([9, 1, 5]), 5);
  assert.strictEqual(median([4, 1, 2, 9]), 3);
  assert.isUndefined(median([]));
});

describe("what is due takes", () => {
  const secondsOf = new Map([
    ["a", 10],
    ["b", 60],
  ]);

  it("as long as its longest chain, or as its work shared out", () => {
    const first = due("a");
    const nodes = [first, due("b", [first]), due("b", [first]), due("b", [first])];
    assert.deepInclude(totals(nodes, secondsOf, 1), { seconds: 190, elapsedSeconds: 190 });
    assert.deepInclude(totals(nodes, secondsOf, 2), { seconds: 190, elapsedSeconds: 95 });
    assert.deepInclude(totals(nodes, secondsOf, 8), { seconds: 190, elapsedSeconds: 70 });
  });

  it("more of the slots where it takes several, and GPU-hours where it takes GPUs", () => {
    const nodes = [due("b", [], { cpus: 4, gpus: 2 }), due("b", [], { cpus: 4, gpus: 2 })];
    assert.strictEqual(totals(nodes, secondsOf, 4).elapsedSeconds, 120);
    assert.closeTo(totals(nodes, secondsOf, 4).gpuHours, 240 / 3600, 1e-12);
  });

  it("nothing that can be said where there is no past", () => {
    assert.strictEqual(totals([due("c")], secondsOf, 1).seconds, 0);
  });
});
