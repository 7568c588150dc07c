/** The numbers that a program gives as its metrics: written as JSON by the program, checked and kept beside its other files. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";

/** `pipe` writes it, so that whoever reads the artifact needs not know how the program names its file. */
const keptFile = "pipe-metrics.json";

export type Metrics = Readonly<Record<string, number>>;

const Metrics = Schema.Record(Schema.NonEmptyString, Schema.Finite);
const decodeMetrics = Schema.decodeUnknownSync(Schema.fromJsonString(Metrics));

/** The metrics in a program's text, or what is wrong with it. */
export const parseMetrics = (text: string): Metrics | string => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return "is no JSON object";
  const entries = Object.entries(json);
  if (entries.length === 0) return "has no numbers";
  const others = entries.flatMap(([name, value]) =>
    name !== "" && Number.isFinite(value) ? [] : [`\`${name}\``],
  );
  return others.length === 0
    ? (json as Metrics)
    : `has values that are no finite numbers: ${others.join(", ")}`;
};

export const keepMetrics = (directory: string, metrics: Metrics): void =>
  fs.writeFileSync(path.join(directory, keptFile), `${JSON.stringify(metrics, null, 2)}\n`);

/** The metrics of an artifact whose command names some. */
export const readMetrics = (directory: string): Metrics =>
  decodeMetrics(fs.readFileSync(path.join(directory, keptFile), "utf8"));
