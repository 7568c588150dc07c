import { assert, describe, it } from "@effect/vitest";
import { Random } from "../../stats/Random.ts";
import { countTokens } from "../../tasks/pieces.ts";
import { scoreTranscript } from "../../tasks/score.ts";
import { type AnyTask, type TaskName, tasks } from "../../tasks/tasks.ts";
import { respond } from "../../tasks/transcript.ts";
import { graphParams, sudokuParams } from "./params.ts";

const cases: ReadonlyArray<readonly [TaskName, unknown]> = [
  ["graph-coloring", graphParams({ vertices: 5 })],
  ["graph-coloring", graphParams({ vertices: 12, density: 0.4 })],
  ["sudoku", sudokuParams({ size: 4, blanks: [5, 8] })],
  ["sudoku", sudokuParams({ size: 9, blanks: 50 })],
];

const instances = (task: AnyTask, params: unknown, count: number): ReadonlyArray<unknown> =>
  Array.from({ length: count }, (_, i) => task.generate(params, Random.of("narrate", i)));

describe("a wordy transcript", () => {
  it("is judged right, caption and answer, for every task and size", () => {
    for (const [name, params] of cases) {
      for (const [id, truth] of instances(tasks[name], params, 40).entries()) {
        const response = respond(tasks[name], truth, Random.of("wordy", id));
        const ground_truth = tasks[name].groundTruth(truth);
        const score = scoreTranscript({ id, task: name, ground_truth, response });
        assert.include(score, { outcome: true, perception: true, consistent: true, reason: null });
      }
    }
  });

  it("is a function of the instance and the random numbers, and differs between random numbers", () => {
    for (const [name, params] of cases) {
      const [truth] = instances(tasks[name], params, 1);
      const write = (seed: number) => respond(tasks[name], truth, Random.of("wordy", seed));
      assert.strictEqual(write(1), write(1));
      assert.strictEqual(new Set([0, 1, 2, 3, 4].map(write)).size, 5);
    }
  });

  it("makes the caption of a graph with five vertices about 2.5 % of the tokens", () => {
    const task = tasks["graph-coloring"];
    const texts = instances(task, graphParams({ vertices: 5 }), 300).map((truth, id) =>
      respond(task, truth, Random.of("wordy", id)),
    );
    const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
    const close = "</caption>";
    const captions = texts.reduce(
      (sum, text) => sum + countTokens(text.slice(0, text.indexOf(close) + close.length)),
      0,
    );
    assert.closeTo(captions / tokens, 0.025, 0.004);
    assert.closeTo(tokens / texts.length, 300, 20);
  });

  it("leaves the terse transcript as it is", () => {
    for (const [name, params] of cases)
      for (const truth of instances(tasks[name], params, 5)) {
        const response = respond(tasks[name], truth);
        assert.include(response, tasks[name].solve(truth).reasoning);
      }
  });
});
