/** What can be told of params before anything runs, at the place where it is written. */
import { assert, describe, it } from "@effect/vitest";
import { compile } from "../../pipelines/Compile.ts";
import { Source } from "../../pipelines/Source.ts";
import { stages } from "../../stages/stages.ts";

/** Each as line:column, what is there, and the message. */
const said = (text: string): ReadonlyArray<string> =>
  compile(new Source("e.yaml", text), { set: [], axis: [] }, stages).diagnostics.map(
    ({ at, message }) => {
      const written = at?.text.slice(at.col - 1, at.col - 1 + at.length);
      return `${at?.line}:${at?.col} ${written}: ${message}`;
    },
  );

describe("a range whose first is above its last", () => {
  const steps = (range: string) => `name: e
axes:
  from: [5, 9]
stages:
  r: { use: files, with: { path: r } }
  c: { use: correlate, from: { rollouts: { all: r } }, with: { steps: ${range} } }
`;

  it("of steps to correlate is refused where it is written, on an axis too", () => {
    assert.deepStrictEqual(said(steps("{ first: 8, last: 8 }")), []);
    assert.deepStrictEqual(said(steps("{ first: 9, last: 8 }")), [
      "6:80 9: there are no steps from 9 to 8",
    ]);
    assert.deepStrictEqual(said(steps("{ first: $from, last: 8 }")), [
      "3:13 9: there are no steps from 9 to 8",
    ]);
  });

  it("of a task is refused where it is written", () => {
    const task = (params: string) => `name: e
stages:
  d: { use: render, with: { task: { ${params} }, splits: { test: 1 } } }
`;
    const graph = "kind: graph-coloring, vertices: 4";
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: [3, 3]")), []);
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: 3")), []);
    assert.deepStrictEqual(said(task(graph)), []);
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: [6, 3]")), [
      "3:69 6: there are no blanks from 6 to 3",
    ]);
    assert.deepStrictEqual(said(task(`${graph}, edges: [5, 2]`)), [
      "3:80 5: there are no edges from 5 to 2",
    ]);
  });
});
