/** Downloads the splits, checks every row against the task's solver, and writes the rows in our own form. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type DatasetRow, exampleId, SplitWriter, writeCard } from "../kinds/Dataset.ts";
import { jsonLines } from "../kinds/jsonLines.ts";
import { eachPublishedRow, type PublishedRow } from "../kinds/publishedRows.ts";
import { shardProblem, tableOfShard } from "../kinds/shards.ts";
import type { SnapshotFile } from "../remote/fetchSnapshot.ts";
import { scoreTranscript } from "../tasks/score.ts";
import { type SplitName, splitNames } from "../tasks/split.ts";
import { tasks } from "../tasks/tasks.ts";
import { fetchFromHub } from "./fetchFromHub.ts";
import { HubDataset, type HubDatasetParams } from "./HubDataset.ts";
import { StageFailed, stageRun } from "./StageRun.ts";

interface Disagreement {
  readonly split: string;
  /** From 0, in the published order. */
  readonly row: number;
  readonly reason: string;
  readonly ground_truth: unknown;
}

export const hubDatasetRun = stageRun(
  HubDataset,
  Effect.fnUntraced(function* (context) {
    const { params, output, report } = context;
    const { repo, revision } = params;
    const prefix = params.folder === "" ? "" : `${params.folder}/`;
    const wanted = (file: string) => {
      const split = splitOf(file, prefix);
      return split !== undefined && (params.splits?.includes(split) ?? true);
    };
    const source = { type: "dataset", repo, revision } as const;
    const files = yield* fetchFromHub(context, source, wanted);
    const splits = yield* splitsIn(files, prefix, params);
    const disagreements: Array<Disagreement> = [];
    const counts = { rows: 0, responses: 0, right_responses: 0 };
    for (const [split, shards] of splits) {
      const writer = new SplitWriter(output, split);
      let number = 0;
      const each = (published: PublishedRow) => {
        const checked = checkRow(params, published, exampleId(split, number));
        if (Result.isSuccess(checked)) {
          const row = checked.success;
          writer.add(row);
          counts.rows += 1;
          if (row.response !== "") counts.responses += 1;
          if (isRight(row)) counts.right_responses += 1;
        } else {
          const { ground_truth } = published;
          disagreements.push({ split, row: number, reason: checked.failure, ground_truth });
        }
        number += 1;
      };
      for (const shard of shards)
        yield* eachPublishedRow(shard.file, each).pipe(
          Effect.mapError(({ message }) => otherForm(`${shard.path} of ${repo} ${message}`)),
        );
      writer.finish();
    }
    if (counts.rows === 0)
      return yield* otherForm(
        `no ground truth of ${repo} is an instance of ${params.task}: ${disagreements[0]?.reason ?? "it has no rows"}`,
      );
    if (disagreements.length > 0) {
      fs.writeFileSync(path.join(output, "disagreements.jsonl"), jsonLines(disagreements));
      yield* report({ _tag: "Message", level: "warn", message: warning(disagreements) });
    }
    writeCard(output, {
      title: `${repo}, checked`,
      about: [
        `Rows of the data set \`${repo}\` of the Hub at commit ${revision}. Rows left out since the solver contradicts their ground truth: ${disagreements.length}.`,
      ],
      splits: [...splits.keys()],
    });
    return { summary: { ...counts, disagreements: disagreements.length } };
  }),
);

const otherForm = (message: string) =>
  new StageFailed({
    message,
    fix: "name a data set with the columns query, image and ground_truth, such as xqwu/asymmetric-VLM__gc, and the task of its ground truths",
  });

const splitOf = (file: string, prefix: string): SplitName | undefined => {
  if (!file.startsWith(prefix)) return undefined;
  const name = tableOfShard(file.slice(prefix.length));
  return splitNames.find((split) => split === name);
};

/** The files of each split, which must be complete. */
const splitsIn = Effect.fnUntraced(function* (
  files: ReadonlyArray<SnapshotFile>,
  prefix: string,
  { repo, splits }: HubDatasetParams,
) {
  const found = new Map<SplitName, Array<SnapshotFile>>();
  for (const file of files) {
    const split = splitOf(file.path, prefix)!;
    found.set(split, [...(found.get(split) ?? []), file]);
  }
  const missing = (splits ?? []).filter((split) => !found.has(split));
  if (found.size === 0 || missing.length > 0)
    return yield* new StageFailed({
      message: `${repo} has no ${prefix}${missing[0] ?? "SPLIT"}-…-of-….parquet`,
      fix: `check \`splits\` and \`folder\`; pipe's splits are ${splitNames.join(", ")}`,
    });
  for (const shards of found.values()) {
    const names = shards.map(({ path: name }) => name);
    const problem = shardProblem(names);
    if (problem !== undefined)
      return yield* new StageFailed({
        message: `${repo} ${problem}`,
        fix: "unset HF_HUB_OFFLINE, so that the rest is downloaded, or take a `revision` that has all files of each split",
      });
  }
  return found;
});

/** The row in our form, or the reason why the solver contradicts it. */
const checkRow = (
  { task: name, query }: HubDatasetParams,
  published: PublishedRow,
  id: string,
): Result.Result<DatasetRow, string> => {
  const task = tasks[name];
  return Result.flatMap(groundTruth(published.ground_truth), (value) =>
    Result.flatMap(task.readTruth(value), (truth: unknown) => {
      const row = {
        id,
        task: name,
        query: query === "kept" ? published.query : task.prompt(truth),
        image: {
          bytes: published.image.bytes,
          path: `${id}${path.extname(published.image.path ?? ".png") || ".png"}`,
        },
        ground_truth: task.groundTruth(truth),
        perception: task.perception(truth),
        response: published.response,
      };
      return isSolvable(name, truth) ? Result.succeed(row) : Result.fail("it has no solution");
    }),
  );
};

const groundTruth = (written: unknown): Result.Result<unknown, string> => {
  if (typeof written !== "string") return Result.succeed(written);
  try {
    return Result.succeed(JSON.parse(written) as unknown);
  } catch {
    return Result.fail("the ground truth is not JSON");
  }
};

const isSolvable = (name: HubDatasetParams["task"], truth: unknown): boolean => {
  const task = tasks[name];
  try {
    const answer = task.readAnswer(JSON.parse(task.solve(truth).answer), truth);
    return Result.isSuccess(answer) && task.judge(truth, answer.success) === null;
  } catch {
    // The solver throws on an instance without a solution.
    return false;
  }
};

const isRight = (row: DatasetRow): boolean => {
  if (row.response === "") return false;
  const { id, task, ground_truth, perception, response } = row;
  const score = scoreTranscript({ id, task, ground_truth, perception, response });
  return "outcome" in score && score.outcome && score.perception;
};

const warning = ([first, ...rest]: ReadonlyArray<Disagreement>): string =>
  `the solver contradicts ${1 + rest.length} ground truths, which are left out: row ${first!.row} of ${first!.split}: ${first!.reason} (all are in disagreements.jsonl)`;
