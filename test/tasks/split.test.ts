import { assert, describe, it } from "@effect/vitest";
import { graphColoring } from "../../tasks/graph-coloring/index.ts";
import {
  bucket,
  reportSplits,
  type SplitContents,
  splitInstance,
  type SplitName,
  splitNames,
} from "../../tasks/split.ts";
import { sudoku } from "../../tasks/sudoku/index.ts";
import { graphParams, sudokuParams } from "./params.ts";

const five = graphParams({ vertices: 5, edges: [4, 8], isolated: false });

const graphSplit = (split: SplitName, count: number, params = five): SplitContents => {
  const instances = Array.from({ length: count }, (_, i) =>
    splitInstance(graphColoring, params, 7, split, i),
  );
  return {
    identities: instances.map(({ truth }) => graphColoring.identity(truth)),
    forced: instances.filter(({ forced }) => forced).length,
  };
};

describe("splits", () => {
  it("depend on seed, split and index alone", () => {
    const params = sudokuParams({ size: 4, blanks: 6 });
    const make = (seed: number, split: SplitName, index: number) =>
      JSON.stringify(splitInstance(sudoku, params, seed, split, index));
    const forwards = [0, 1, 2, 3].map((index) => make(1, "test", index));
    const backwards = [3, 2, 1, 0].map((index) => make(1, "test", index)).toReversed();
    assert.deepStrictEqual(forwards, backwards);
    assert.notStrictEqual(make(2, "test", 0), forwards[0]);
    assert.notStrictEqual(make(1, "train_rl", 0), make(1, "train_sft", 0));
  });

  it("share no instance, except the two training splits", () => {
    const report = reportSplits({
      test: graphSplit("test", 500),
      validation: graphSplit("validation", 100),
      train_sft: graphSplit("train_sft", 1000),
      train_rl: graphSplit("train_rl", 1000),
    });
    assert.strictEqual(report.overlaps.length, 6);
    for (const { splits, shared } of report.overlaps) {
      if (splits.join() === "train_sft,train_rl") assert.isAbove(shared, 100);
      else assert.strictEqual(shared, 0, splits.join());
    }
    for (const split of splitNames) assert.strictEqual(report.instances[split]?.forced, 0);
    assert.strictEqual(report.instances.test?.total, 500);
    assert.isBelow(report.instances.test!.distinct, 500);
  });

  it("report forced instances where the task has too few", () => {
    const pair = graphParams({ vertices: 2, density: 1 });
    const report = reportSplits({
      test: graphSplit("test", 3, pair),
      validation: graphSplit("validation", 3, pair),
      train_sft: graphSplit("train_sft", 3, pair),
    });
    const forced = Object.values(report.instances).map((instance) => instance.forced);
    // A single graph exists, in one of the three buckets.
    assert.deepStrictEqual(forced.toSorted(), [0, 3, 3]);
    for (const { shared } of report.overlaps) assert.strictEqual(shared, 1);
  });

  it("divide identities into 20 % test, 10 % validation and 70 % training", () => {
    const counts = { test: 0, validation: 0, train: 0 };
    for (let i = 0; i < 20_000; i++) counts[bucket(`instance ${i}`)]++;
    assert.closeTo(counts.test / 20_000, 0.2, 0.015);
    assert.closeTo(counts.validation / 20_000, 0.1, 0.011);
  });
});
