/** The answers and pictures for the page's browser of samples. */
import zlib from "node:zlib";
import { failureReasons } from "../tasks/FailureReason.ts";
import type { PackedAnswer, PackedSamples } from "./PackedSamples.ts";
import type { Answer, ReportData, RunData, ScoredPoint } from "./ReportData.ts";
import { cut } from "./transcript/visible.ts";

export interface Packed {
  /** The page's element with the samples. */
  readonly data: SampleData;
  /** A sentence on samples left out; empty where everything is there. */
  readonly leftOut: string;
}

/**
 * JSON, or JSON compressed and in base 64. Another Node may compress to other bytes, so a page that is made again and compared has JSON.
 */
export type Packing = "json" | "gzip";

export interface SampleData {
  readonly type: string;
  readonly text: string;
}

export const noSamples: SampleData = { type: "application/json", text: "" };

/** All samples, or as many examples as `mostBytes` hold, evenly spread. */
export const packSamples = (data: ReportData, mostBytes: number, packing: Packing): Packed => {
  const keys = [...data.examples.keys()];
  for (let count = keys.length; ; count = Math.min(count - 1, Math.floor(count * 0.8))) {
    const kept = keys.filter(
      (_, index) =>
        Math.floor((index * count) / keys.length) !==
        Math.floor(((index - 1) * count) / keys.length),
    );
    const packed = pack(data, kept, packing);
    if (packed.text.length > mostBytes && count > 1) continue;
    const leftOut =
      kept.length === keys.length
        ? ""
        : `The page has ${kept.length} of ${keys.length} examples, evenly spread, to stay below its size.`;
    return { data: packed, leftOut };
  }
};

const pack = (data: ReportData, keys: ReadonlyArray<string>, packing: Packing): SampleData => {
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
  const json = JSON.stringify(samples);
  return packing === "gzip"
    ? { type: "application/octet-stream", text: base64(zlib.gzipSync(json, { level: 9 })) }
    : { type: "application/json", text: inScript(json) };
};

/** Inert in a page: no markup, and nothing but ASCII, so that lengths are bytes and hidden characters show. */
const inScript = (json: string): string =>
  json.replace(/[<>&\u007F-\u{10FFFF}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );

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
