/**
 * Every rollout whose prompt's ground truth is in the bundle, judged once more by the one scorer. What correlations are computed from
 * thereby is what the responses say, and not what somebody wrote beside them.
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { isFanIn } from "../../pipelines/Plan.ts";
import type { Rollout } from "../../schemas/Rollout.ts";
import { eachRow, splitsOf } from "../../stages/Dataset.ts";
import { eachRollout } from "../../stages/rolloutLines.ts";
import { scoreTranscript } from "../../tasks/score.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, directoryOf, folderOf } from "./Contents.ts";
import type { Placed } from "./placed.ts";

interface Truth {
  readonly task: string;
  readonly ground_truth: string;
  readonly perception: string;
}

const names = ["rollouts.jsonl", "rollouts.jsonl.gz"];

export const verifyRollouts = async (
  contents: Contents,
  placed: ReadonlyArray<Placed>,
): Promise<Check> => {
  const findings = new Findings(3, "rollouts");
  const artifactOf = new Map(placed.map(({ node, bundled }) => [node, bundled.artifact]));
  const truthsOf = new Map<string, Promise<ReadonlyMap<string, Truth>>>();
  const seen = new Set<string>();
  let judged = 0;
  for (const { node, bundled } of placed) {
    const directory = directoryOf(contents, bundled.artifact);
    const name = names.find((each) => fs.existsSync(path.join(directory, each)));
    if (name === undefined || seen.has(bundled.artifact)) continue;
    seen.add(bundled.artifact);
    const { data } = node.inputs;
    if (data === undefined || isFanIn(data)) {
      findings.limit(
        `the rollouts of \`${node.name}\` came in without a data set: their verdicts are taken as they stand`,
      );
      continue;
    }
    const dataset = artifactOf.get(data) ?? "";
    const reading = truthsOf.get(dataset) ?? readTruths(directoryOf(contents, dataset));
    truthsOf.set(dataset, reading);
    const truths = await reading;
    const file = `${folderOf(bundled.artifact)}/${name}`;
    judged += await judgeAll(directory, truths, (about, expected, found, message) =>
      findings.add({ file, number: about, expected, found, message, from: [folderOf(dataset)] }),
    );
  }
  return findings.check(`${counted(judged, "response")} judged again`);
};

const readTruths = async (directory: string): Promise<ReadonlyMap<string, Truth>> => {
  const truths = new Map<string, Truth>();
  if (!fs.existsSync(path.join(directory, "data"))) return truths;
  for (const split of splitsOf(directory)) {
    const reading = eachRow(directory, split, { images: false }, (row) => {
      const { id, task, ground_truth, perception } = row;
      truths.set(id, { task, ground_truth, perception });
    });
    await Effect.runPromise(reading);
  }
  return truths;
};

type Say = (about: string, expected: unknown, found: unknown, message: string) => void;

const verdicts = ["outcome", "perception", "consistent", "reason"] as const;

/** Trainers write numbers with six digits. */
const sixDigits = 5.000001e-7;

/** How many there are. */
const judgeAll = async (
  directory: string,
  truths: ReadonlyMap<string, Truth>,
  say: Say,
): Promise<number> => {
  let count = 0;
  const judge = (rollout: Rollout): void => {
    count += 1;
    const { id, step, group, sample, mode, response } = rollout;
    const about = `${id} (step ${step}, group ${group}, sample ${sample}, ${mode})`;
    const truth = truths.get(id);
    if (truth === undefined)
      return say(
        about,
        "an example of the data set",
        "none",
        "answers nothing that the bundle has",
      );
    const score = scoreTranscript({ id, ...truth, response, mode });
    if ("error" in score) return say(about, "a verdict", score.error, "can't be judged");
    for (const name of verdicts)
      if (score[name] !== rollout[name])
        say(`${about}.${name}`, score[name], rollout[name], "is not what the scorer says");
    if (!(Math.abs(score.perception_f1 - rollout.perception_f1) <= sixDigits))
      say(
        `${about}.perception_f1`,
        score.perception_f1,
        rollout.perception_f1,
        "is not what the scorer says",
      );
    const { rewards } = rollout;
    for (const name of ["outcome", "perception", "perception_f1"] as const) {
      const reward = rewards[name];
      if (reward !== undefined && !(Math.abs(reward - Number(score[name])) <= sixDigits))
        say(`${about}.rewards.${name}`, Number(score[name]), reward, "is not what the scorer says");
    }
  };
  try {
    await eachRollout(directory, judge, new AbortController().signal);
  } catch (error) {
    say("", "rollouts", (error as Error).message, "can't be read");
  }
  return count;
};
