/** Level 3: missing, repeated, foreign or misjudged answers and rollouts are found. */
import { assert, describe, it } from "@effect/vitest";
import { allLines, answersNode, forged, leftOut, line, samplesNode } from "../alterations.ts";
import { packed } from "../archives.ts";
import { inScratch } from "../scratch.ts";
import { makeBundle, smallBundle, smallSpec } from "../smallBundle.ts";
import { checksOf, isFound, type Found } from "../verifying.ts";

describe("level 3, predictions", () => {
  const answers = (
    what: string,
    edit: (text: string) => string,
    expected: Omit<Found, "level" | "what">,
  ) =>
    isFound(what, ({ files }) => forged(files, answersNode, "predictions.jsonl", edit), {
      level: 3,
      what: "predictions",
      file: "predictions.jsonl",
      ...expected,
    });
  answers(
    "finds a missing answer",
    allLines((lines) => lines.toSpliced(3, 1)),
    { number: "test-000003", found: "none" },
  );
  answers("finds an empty file", () => "", { number: "test-000000", found: "none" });
  answers(
    "finds a repeated answer",
    allLines((lines) => [...lines, lines[3]]),
    { number: "test-000003", found: "another" },
  );
  answers(
    "finds an answer to another split",
    line(3, (answer) => (answer.id = "validation-000003")),
    { number: "validation-000003", found: "validation-000003" },
  );
  answers(
    "finds an answer in another mode",
    line(3, (answer) => (answer.mode = "counterfactual")),
    { number: "test-000003", expected: "end-to-end", found: "counterfactual" },
  );
  isFound(
    "finds an answer without its forced caption",
    ({ files }) =>
      forged(
        files,
        "oracle[model=weak]",
        "predictions.jsonl",
        line(3, (answer) => (answer.response = "<answer>[]</answer>")),
      ),
    { level: 3, what: "predictions", number: "test-000003", found: "<answer>[]</answer>" },
  );
  isFound(
    "finds a missing file",
    ({ files }) => forged(files, answersNode, "predictions.jsonl", () => undefined),
    { level: 3, what: "predictions", file: "predictions.jsonl", found: "absent" },
  );
});

describe("level 3, predictions of both modes in one artifact", () => {
  const answered = smallSpec
    .replace(
      /^ {2}e2e:.*$/mu,
      "  both: { use: generate, from: { model: start, data: data }, with: { mode: both } }",
    )
    .replace(/^ {2}oracle:.*\n/mu, "")
    .replace("end_to_end: e2e, counterfactual: oracle", "end_to_end: both, counterfactual: both");
  const made = makeBundle(answered);
  const predictions = async (folder: string, edit: (text: string) => string) => {
    const { files } = await made;
    const altered =
      edit === same ? files : forged(files, "both[model=weak]", "predictions.jsonl", edit);
    const checks = await checksOf(await packed(altered, folder), folder);
    return checks.find(({ what }) => what === "predictions") ?? assert.fail("no such check");
  };
  const same = (text: string) => text;

  it(
    "are one an example in each mode",
    inScratch(async (folder) => {
      const check = await predictions(folder, same);
      assert.isTrue(check.ok, JSON.stringify(check.problems));
      assert.strictEqual(check.looked, "48 answers, one an example");
    }),
  );

  it(
    "are missed in the mode that lacks one",
    inScratch(async (folder) => {
      const lacking = allLines((lines) => lines.toSpliced(12 + 3, 1));
      const { problems } = await predictions(folder, lacking);
      assert.deepStrictEqual(
        problems.map(({ number, message }) => [number, message]),
        [["test-000003", "is not answered counterfactual"]],
      );
    }),
  );
});

describe("level 3, rollouts", () => {
  const rollouts = (
    what: string,
    edit: (text: string) => string,
    expected: Omit<Found, "level" | "what">,
  ) =>
    isFound(what, ({ files }) => forged(files, samplesNode, "rollouts.jsonl", edit), {
      level: 3,
      what: "rollouts",
      file: "rollouts.jsonl",
      ...expected,
    });
  const second = "validation-000001 (step 0, group 1";
  rollouts(
    "finds a missing rollout",
    allLines((lines) => lines.toSpliced(5, 1)),
    { number: `${second}, end-to-end)`, expected: "sample 1", found: "sample 2" },
  );
  rollouts(
    "finds a missing last rollout of a group",
    allLines((lines) => lines.toSpliced(7, 1)),
    { number: `${second}, end-to-end)`, expected: "4 responses", found: 3 },
  );
  rollouts(
    "finds a repeated rollout",
    allLines((lines) => lines.toSpliced(7, 0, lines[7])),
    { number: `${second}, sample 3, end-to-end)`, found: "one more" },
  );
  rollouts(
    "finds a missing group",
    allLines((lines) => lines.toSpliced(4, 4)),
    { number: "step 0, group 1", found: "absent" },
  );
  rollouts(
    "finds that all rollouts of a mode are missing",
    allLines((lines) => lines.filter(({ mode }) => mode === "end-to-end")),
    { number: "step 0, group 6", found: "absent" },
  );
  rollouts("finds an empty file", () => "", { number: "step 0", found: "none" });
  rollouts(
    "finds a repeated group",
    allLines((lines) => [...lines, ...lines.slice(4, 8)]),
    { number: "step 0, group 1", found: "again" },
  );
  rollouts(
    "finds an extra group",
    allLines((lines) => [...lines, ...lines.slice(4, 8).map((each) => ({ ...each, group: 99 }))]),
    { number: "step 0, group 99", found: 99 },
  );
  rollouts(
    "finds an unexpected step",
    allLines((lines) => lines.map((each) => ({ ...each, step: 1 }))),
    { number: "step 1", found: "some" },
  );
  rollouts(
    "finds two groups with swapped examples",
    allLines((lines) =>
      lines.map((each, index) => (index < 8 ? { ...each, id: lines[index ^ 4].id } : each)),
    ),
    { number: "step 0, group 1", expected: "validation-000001", found: "validation-000000" },
  );
  rollouts(
    "finds a rollout of another split",
    line(5, (rollout) => (rollout.id = "test-000001")),
    { number: "test-000001 (step 0, group 1, sample 1", found: "test-000001" },
  );
  rollouts(
    "finds a changed consensus reward",
    line(5, (rollout) => (rollout.rewards.consensus = 1 - rollout.rewards.consensus)),
    { number: `${second}, sample 1, end-to-end).rewards.consensus` },
  );
  rollouts(
    "finds a changed consensus_f1 reward",
    line(5, (rollout) => (rollout.rewards.consensus_f1 = 0.123)),
    { number: `${second}, sample 1, end-to-end).rewards.consensus_f1`, found: 0.123 },
  );
  rollouts(
    "finds an unknown reward",
    line(5, (rollout) => (rollout.rewards.ours = 1)),
    { number: `${second}, sample 1, end-to-end).rewards.ours`, expected: "absent", found: 1 },
  );
  rollouts(
    "finds a reward that the params do not request",
    line(5, (rollout) => (rollout.rewards.teacher = 1)),
    { number: `${second}, sample 1, end-to-end).rewards.teacher`, expected: "absent", found: 1 },
  );
  rollouts(
    "finds a missing reward",
    line(5, (rollout) => delete rollout.rewards.consensus),
    { number: `${second}, sample 1, end-to-end).rewards.consensus`, found: "absent" },
  );
  rollouts(
    "finds an advantage without a training",
    line(5, (rollout) => (rollout.advantage = 2)),
    { number: `${second}, sample 1, end-to-end).advantage`, expected: null, found: 2 },
  );
  isFound(
    "finds a missing file",
    ({ files }) => forged(files, samplesNode, "rollouts.jsonl", () => undefined),
    { level: 3, what: "rollouts", number: "rollouts.jsonl", found: "absent" },
  );
});

describe("level 3, files left out", () => {
  const isLimit = (what: string, node: string, name: string, where: string, limit: RegExp) =>
    it(
      what,
      inScratch(async (folder) => {
        const files = leftOut((await smallBundle()).files, node, name);
        const checks = await checksOf(await packed(files, folder), folder);
        const { problems, limits } = checks.find((check) => check.what === where)!;
        assert.deepStrictEqual(problems, []);
        assert.match(limits.join("\n"), limit);
      }),
    );
  isLimit(
    "may be the split that rollouts sample; their rewards are then not recomputed",
    "data",
    "data/validation-00000-of-00001.parquet",
    "rollouts",
    /split `validation`, which `samples\[model=weak\]` samples, is left out/u,
  );
  isLimit(
    "may be the split that predictions answer",
    "data",
    "data/test-00000-of-00001.parquet",
    "predictions",
    /split `test`, which `e2e\[model=weak\]` answers, is left out/u,
  );
  isLimit(
    "may be predictions",
    answersNode,
    "predictions.jsonl",
    "predictions",
    /the answers of `e2e\[model=weak\]` are left out/u,
  );
  isLimit(
    "may be rollouts",
    samplesNode,
    "rollouts.jsonl",
    "rollouts",
    /the rollouts of `samples\[model=strong\]` are left out/u,
  );
  isFound(
    "do not excuse a split that the data set never had",
    ({ files }) => forged(files, "data", "data/validation-00000-of-00001.parquet", () => undefined),
    { level: 3, what: "rollouts", file: "rollouts.jsonl", expected: "a split `validation`" },
  );
});
