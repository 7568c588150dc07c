/** Paired differences between two runs: counted by hand, pooled over seeds, and only on the pictures that both answered. */
import { assert, it } from "@effect/vitest";
import { pairedLines } from "../../../bin/view/pairedText.ts";
import type { ScoreLine } from "../../../kinds/Scores.ts";
import { pairedRows, type ScoresPair } from "../../../pipelines/history/pairedRows.ts";
import { studentMean } from "../../../stats/studentT.ts";

/** One end-to-end answer a digit: 1 is right. The caption is always right. */
const answers = (right: string, from = 0): ReadonlyArray<ScoreLine> =>
  [...right].map((digit, index) => ({
    id: `test-${from + index}`,
    mode: "end-to-end",
    outcome: digit === "1",
    perception: true,
    perception_f1: 1,
    consistent: true,
    reason: null,
    instance: `instance-${from + index}`,
  }));

const pair = (seed: string, old: string, now: string, from = 0): ScoresPair => ({
  stageName: "scores",
  labels: { loss: "token", seed },
  old: answers(old),
  now: answers(now, from),
});

const plain = (text: string): string => text;
const style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

it("is the mean difference of both seeds, with the spread between them", () => {
  const rows = pairedRows([pair("0", "0000", "1100"), pair("1", "0011", "0111")]);
  const [a, perception] = rows;
  assert.strictEqual(rows.length, 2);
  assert.deepInclude(a, { metric: "a", labels: { loss: "token" }, n: 8, runs: 2, instances: 4 });
  assert.approximately(a!.value!, 3 / 8, 1e-12);
  assert.approximately(a!.sd!, studentMean([2 / 4, 1 / 4]).sd.value!, 1e-12);
  assert.isBelow(a!.low!, a!.value!);
  assert.deepInclude(perception, { metric: "a_p", value: 0, note: "every difference is the same" });
  const text = pairedLines(rows, 80, style).join("\n");
  assert.match(text, /scores loss=token +a +2 +8 +\+\.375 \[-?\.?\d+/u);
});

it("leaves out pictures that one run lacks, and points without a common picture", () => {
  const [a] = pairedRows([pair("0", "0110", "1010", 2)]);
  assert.deepInclude(a, { metric: "a", n: 2, runs: 1, instances: 2 });
  assert.deepStrictEqual(pairedRows([pair("0", "01", "10", 2)]), []);
  assert.deepStrictEqual(pairedLines([], 80, style), []);
});
