/** Plays the stages that take a model: a solver that errs writes their results. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { BundleNode } from "../../bundle/format/format.ts";
import type { Node } from "../../pipelines/experiment/Node.ts";
import { digestBytes } from "../../schemas/Digest.ts";
import type { ParamsOf } from "../../stages/Audit.ts";
import { type Generate, modesOf } from "../../stages/Generate.ts";
import { type DatasetRow, eachRow } from "../../kinds/Dataset.ts";
import { type Score, scoreTranscript } from "../../tasks/score.ts";
import { tasks } from "../../tasks/tasks.ts";

export interface Played {
  readonly directory: string;
  readonly summary: BundleNode["summary"];
}
type GenerateParams = ParamsOf<typeof Generate>;
type Play = (node: Node, directoryOf: (node: Node) => string, target: string) => Promise<Played>;

/** A response of a model of some strength: the oracle caption and the solution, or something wrong in either. */
const respond = (row: DatasetRow, draw: number, strength: number, forced: boolean): string => {
  const chance = (salt: string) =>
    Number.parseInt(
      digestBytes(`${row.id} ${draw} ${salt} ${strength} ${forced}`).slice(0, 6),
      16,
    ) / 0x1000000;
  const seesRight = forced || chance("sees") < strength;
  const caption = seesRight
    ? row.perception
    : row.perception.replace(/[1-4]/u, (digit) => String((Number(digit) % 4) + 1));
  const answer = chance("solves") < strength ? row.response : "[[1,2],[3,4]]";
  return `<caption>${caption}</caption>\nhm\n<answer>${answer}</answer>`;
};

const rowsOf = async (directory: string, split: string): Promise<ReadonlyArray<DatasetRow>> => {
  const rows: Array<DatasetRow> = [];
  await Effect.runPromise(
    eachRow(directory, split, { images: false }, (row) => rows.push({ ...row })),
  );
  return rows.map((row) => ({ ...row, response: solutionOf(row) }));
};

const solutionOf = ({ ground_truth }: DatasetRow): string => {
  const truth = Result.getOrThrow(tasks.sudoku.readTruth(JSON.parse(ground_truth)));
  return tasks.sudoku.solve(truth).answer;
};

const strengthOf = ({ labels }: Node): number => (labels["model"] === "weak" ? 0.4 : 0.8);
const dataOf = (node: Node): Node => node.inputs["data"] as Node;

const playModel: Play = (node, _, directory) => {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, "config.json"), `{ "model": "${node.labels["model"]}" }\n`);
  return Promise.resolve({ directory, summary: {} });
};

const playAnswers: Play = async (node, directoryOf, directory) => {
  const rows = await rowsOf(directoryOf(dataOf(node)), "test");
  fs.mkdirSync(directory, { recursive: true });
  const lines = modesOf(node.params.decoded as GenerateParams).flatMap((mode) =>
    rows.map((row) => ({
      id: row.id,
      mode,
      response: respond(row, 0, strengthOf(node), mode === "counterfactual"),
      tokens: 1,
    })),
  );
  write(path.join(directory, "predictions.jsonl"), lines);
  return { directory, summary: { rows: lines.length } };
};

/** In the order of `trainers/rollout.py`: every example end to end, then every one from its caption. */
const playSamples: Play = async (node, directoryOf, directory) => {
  const rows = await rowsOf(directoryOf(dataOf(node)), "validation");
  fs.mkdirSync(directory, { recursive: true });
  const { group: size, counterfactual } = node.params.decoded as {
    readonly group: number;
    readonly counterfactual: number;
  };
  const groups = [
    ...rows.map((row) => ({ row, size, mode: "end-to-end" })),
    ...rows.map((row) => ({ row, size: counterfactual, mode: "counterfactual" })),
  ];
  const lines = groups.flatMap(({ row, size: samples, mode }, group) => {
    const forced = mode === "counterfactual";
    const responses = Array.from({ length: samples }, (_, sample) =>
      respond(row, sample, strengthOf(node), forced),
    );
    const majority = majorityCaption(responses);
    return responses.map((response, sample) => {
      const { outcome, perception, perception_f1, consistent, reason } = judged(
        row,
        mode,
        response,
      );
      const f1 = shortened(perception_f1);
      const rewards = {
        outcome: Number(outcome),
        perception: Number(perception),
        perception_f1: f1,
        ...(forced ? {} : agreement(judged({ ...row, perception: majority }, mode, response))),
      };
      const verdict = { outcome, perception, consistent, perception_f1: f1, reason };
      return {
        id: row.id,
        group,
        step: 0,
        sample,
        mode,
        response,
        tokens: 9,
        ...verdict,
        rewards,
        advantage: null,
      };
    });
  });
  write(path.join(directory, "rollouts.jsonl"), lines);
  return { directory, summary: {} };
};

const judged = (row: DatasetRow, mode: string, response: string): Score => {
  const score = scoreTranscript({ ...row, mode, response });
  if ("error" in score) throw new Error(score.error);
  return score;
};

const agreement = ({ perception, perception_f1 }: Score) => ({
  consensus: Number(perception),
  consensus_f1: shortened(perception_f1),
});

/** Every response has a caption here; on a tie the first written. */
const majorityCaption = (responses: ReadonlyArray<string>): string => {
  const captions = responses.map((response) => /<caption>(.*)<\/caption>/u.exec(response)![1]!);
  const times = (caption: string) => captions.filter((each) => each === caption).length;
  return captions.toSorted((one, other) => times(other) - times(one))[0]!;
};

const shortened = (value: number): number => Number(value.toFixed(6));

const write = (file: string, lines: ReadonlyArray<unknown>) =>
  fs.writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

export const played: Readonly<Record<string, Play>> = {
  pretrained: playModel,
  generate: playAnswers,
  rollout: playSamples,
};
