import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { splitInstance } from "../../tasks/split.ts";
import { TaskParams, tasks } from "../../tasks/tasks.ts";
import { graphParams, sudokuParams } from "./params.ts";

/** Each issue as path and message. */
const issues = (params: TaskParams): ReadonlyArray<string> =>
  tasks[params.kind].check(params).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("check", () => {
  it("accepts every number of blanks that some puzzle with one solution has", () => {
    for (const [size, most] of [
      [4, 12],
      [6, 28],
      [9, 64],
    ]) {
      assert.deepStrictEqual(issues(sudokuParams({ size, blanks: most })), []);
      assert.deepStrictEqual(issues(sudokuParams({ size, blanks: [1, most] })), []);
    }
  });

  it("refuses more blanks than that", () => {
    const message = "a 4x4 Sudoku with one solution has at most 12 blanks, not 50";
    assert.deepStrictEqual(issues(sudokuParams({ size: 4, blanks: 50 })), [`blanks: ${message}`]);
    assert.deepStrictEqual(issues(sudokuParams({ size: 4, blanks: [5, 50] })), [
      `blanks.1: ${message}`,
    ]);
    assert.deepStrictEqual(issues(sudokuParams({ size: 6, blanks: 29 })), [
      "blanks: a 6x6 Sudoku with one solution has at most 28 blanks, not 29",
    ]);
  });

  it("refuses graphs of more edges or colours than their vertices allow", () => {
    const graph = (fields: object) => issues(graphParams({ vertices: [3, 4], ...fields }));
    assert.deepStrictEqual(graph({ edges: [6, 190], colors: [4] }), []);
    assert.deepStrictEqual(graph({ edges: [7, 190] }), [
      "edges.0: a graph of 4 vertices has at most 6 edges, not 7",
    ]);
    assert.deepStrictEqual(graph({ colors: [2, 5] }), [
      "colors.1: a graph of 4 vertices has a chromatic number of at most 4, not 5",
    ]);
  });

  it("refuses a range whose least is above its greatest", () => {
    assert.deepStrictEqual(issues(sudokuParams({ size: 4, blanks: [6, 3] })), [
      "blanks.0: the least number of blanks, 6, is above the greatest, 3",
    ]);
    assert.deepStrictEqual(issues(graphParams({ vertices: 4, edges: [5, 2] })), [
      "edges.0: the least number of edges, 5, is above the greatest, 2",
    ]);
  });
});

describe("maxInstances", () => {
  const decode = Schema.decodeUnknownSync(TaskParams);
  const found = (params: TaskParams, draws: number): number => {
    const task = tasks[params.kind];
    const identities = Array.from({ length: draws }, (_, index) =>
      task.identity(splitInstance(task, params, 0, "train_rl", index).truth),
    );
    return new Set(identities).size;
  };

  it("bounds the number of distinct instances, and is reached where every one may be drawn", () => {
    const graph = { kind: "graph-coloring" };
    for (const [task, most] of [
      [{ ...graph, vertices: 2 }, 2],
      [{ ...graph, vertices: [3, 3, 4] }, 8 + 64],
      [{ ...graph, vertices: 4, edges: [1, 2] }, 6 + 15],
      [{ ...graph, vertices: 4, edges: [5, 190] }, 6 + 1],
      [{ kind: "sudoku", size: 4, blanks: 1 }, 288 * 16],
      [{ kind: "sudoku", size: 4, blanks: [1, 2] }, 288 * (16 + 120)],
    ] as const) {
      const params = decode(task);
      assert.strictEqual(tasks[params.kind].maxInstances(params), most);
      assert.isAtMost(found(params, 2000), most);
    }
    // The splits partition the instances.
    const indices = Array.from({ length: 4000 }, (_, index) => index);
    const params = decode({ ...graph, vertices: 3 });
    const task = tasks[params.kind];
    const every = (["test", "train_rl", "validation"] as const).flatMap((split) =>
      indices.map((index) => task.identity(splitInstance(task, params, 0, split, index).truth)),
    );
    assert.strictEqual(new Set(every).size, tasks[params.kind].maxInstances(params));
  });
});
