/** The answers and pictures for the page's browser of samples: JSON, compressed, in base 64. */
import zlib from "node:zlib";
import { failureReasons } from "../tasks/FailureReason.ts";
import type { PackedAnswer, PackedSamples } from "./PackedSamples.ts";
import type { Answer, ReportData, RunData, ScoredPoint } from "./ReportData.ts";
import { cut } from "./transcript/visible.ts";

export interface Packed {
  readonly data: string;
  /** What is left out, as a sentence; empty where everything is there. */
  readonly leftOut: string;
}

/** All samples, or as many examples as `mostBytes` hold, evenly spread. */
export const packSamples = (data: ReportData, mostBytes: number): Packed => {
  const keys = [...data.examples.keys()];
  for (let count = keys.length; ; count = Math.min(count - 1, Math.floor(count * 0.8))) {
    const kept = keys.filter(
      (_, index) =>
        Math.floor((index * count) / keys.length) !==
        Math.floor(((index - 1) * count) / keys.length),
    );
    const packed = pack(data, kept);
    if (packed.length > mostBytes && count > 1) continue;
    const leftOut =
      kept.length === keys.length
        ? ""
        : `The page has ${kept.length} of ${keys.length} examples, evenly spread, to stay below its size.`;
    return { data: packed, leftOut };
  }
};

const pack = (data: ReportData, keys: ReadonlyArray<string>): string => {
  const places = new Map(keys.map((key, place) => [key, place]));
  const samples: PackedSamples = {
    reasons: failureReasons,
    examples: keys.map((key) => {
      const { id, query, perception, picture, clean } = data.examples.get(key)!;
      return { id, query, perception, picture: base64(picture), clean: clean && base64(clean) };
    }),
    arms: data.runs.flatMap((run) =>
      run.points.map((point) => ({
        name: nameOf(data, run, point),
        answers: answersOf(point, places),
      })),
    ),
  };
  return base64(zlib.gzipSync(JSON.stringify(samples), { level: 9 }));
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const nameOf = ({ runs }: ReportData, { run }: RunData, { node }: ScoredPoint): string =>
  runs.length > 1 ? `${run} · ${node}` : node;

const answersOf = (
  { answers }: ScoredPoint,
  places: ReadonlyMap<string, number>,
): ReadonlyArray<PackedAnswer> => {
  const forced = new Map<string, Answer>();
  for (const answer of answers)
    if (answer.mode === "counterfactual") forced.set(answer.example, answer);
  return answers.flatMap((answer): ReadonlyArray<PackedAnswer> => {
    const example = places.get(answer.example);
    if (example === undefined || answer.mode !== "end-to-end") return [];
    const { perception, outcome, reason, response } = answer;
    const given = forced.get(answer.example);
    return [
      {
        example,
        caption: perception,
        answer: outcome,
        reason,
        response: response === undefined ? null : cut(response),
        forced:
          given === undefined
            ? null
            : { answer: given.outcome, response: cut(given.response ?? "") },
      },
    ];
  });
};
