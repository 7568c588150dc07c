/**
 * `docs/results/STUDY/study.yaml`: what a page shows of a study: which points of its tables are arms, what is held against
 * what, and the tables and figures by the names that they have in the page.
 */
import { Effect, Schema } from "effect";
import { parse } from "yaml";
import { readings, targets } from "../../stats/rewardCorrelations.ts";

export const metrics = ["a", "a_p", "a_r"] as const;
export type Metric = (typeof metrics)[number];

const byDefault = <S extends Schema.Top>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value));

const Texts = Schema.Record(Schema.String, Schema.String);

/** One arm for every label of `axis`; the seeds are its points. */
const Arms = Schema.Struct({
  /** The node whose table has them. */
  of: Schema.String.pipe(byDefault("table")),
  axis: Schema.String,
  /** The labels that other axes must have. */
  where: Texts.pipe(byDefault({})),
  /** One more arm each, from other tables: where a training started, say. They come first. */
  also: Schema.Array(
    Schema.Struct({ label: Schema.String, of: Schema.String, where: Texts.pipe(byDefault({})) }),
  ).pipe(byDefault([])),
});

/** Each arm against one of them, seed by seed and example by example. */
const Differences = Schema.Struct({
  arms: Schema.String,
  baseline: Schema.String,
  metrics: Schema.Array(Schema.Literals(metrics)).pipe(byDefault([...metrics])),
  /** Arms that are shown but not compared. */
  except: Schema.Array(Schema.String).pipe(byDefault([])),
});

/** What a surrogate promised, and what training on it brought. */
const surrogates = {
  differences: Schema.String,
  of: Schema.String.pipe(byDefault("correlations")),
  /** Arm → the reward of it that correlations have; `perception` is perception itself. */
  rewards: Texts,
  gain: Schema.Literals(metrics).pipe(byDefault("a_p")),
};

const correlations = {
  of: Schema.String.pipe(byDefault("correlations")),
  rewards: Schema.optionalKey(Schema.Array(Schema.String)),
  targets: Schema.Array(Schema.Literals(targets)).pipe(byDefault(["reasoning", "perception"])),
  readings: Schema.Array(Schema.Literals(readings)).pipe(byDefault(["pooled", "group_centred"])),
};

const PageTable = Schema.Union([
  Schema.Struct({ show: Schema.Literal("accuracies"), arms: Schema.String }),
  Schema.Struct({ show: Schema.Literal("differences"), differences: Schema.String }),
  Schema.Struct({ show: Schema.Literal("correlations"), ...correlations }),
  Schema.Struct({
    show: Schema.Literal("contingency"),
    of: correlations.of,
    rewards: correlations.rewards,
  }),
  Schema.Struct({ show: Schema.Literal("checkpoints"), of: correlations.of }),
  Schema.Struct({ show: Schema.Literal("surrogates"), ...surrogates }),
]);
export type PageTable = typeof PageTable.Type;

const Figure = Schema.Union([
  Schema.Struct({
    show: Schema.Literal("accuracies"),
    arms: Schema.String,
    /** What the numbers are that labels end with. */
    x: Schema.String,
    log: Schema.Boolean.pipe(byDefault(false)),
    /** Arms that are no place on the axis. */
    references: Schema.Array(Schema.String).pipe(byDefault([])),
    /** A panel for every metric, with an axis of its own; else one for all. */
    apart: Schema.Boolean.pipe(byDefault(true)),
  }),
  Schema.Struct({ show: Schema.Literal("differences"), differences: Schema.String }),
  Schema.Struct({ show: Schema.Literal("correlations"), ...correlations }),
  Schema.Struct({ show: Schema.Literal("surrogates"), ...surrogates }),
  Schema.Struct({
    show: Schema.Literal("curves"),
    /** The stage whose models bring `metrics.jsonl`. */
    of: Schema.String.pipe(byDefault("model")),
    axis: Schema.String,
    where: Texts.pipe(byDefault({})),
    /** Which of the metrics, and what they are in words. */
    values: Texts,
  }),
]);
export type Figure = typeof Figure.Type;

export const Study = Schema.Struct({
  /** The axis whose points are repetitions. */
  seed: Schema.String.pipe(byDefault("seed")),
  arms: Schema.Record(Schema.String, Arms).pipe(byDefault({})),
  differences: Schema.Record(Schema.String, Differences).pipe(byDefault({})),
  tables: Schema.Record(Schema.String, PageTable).pipe(byDefault({})),
  figures: Schema.Record(Schema.String, Figure).pipe(byDefault({})),
});
export interface Study extends Schema.Schema.Type<typeof Study> {}

const decode = Schema.decodeUnknownSync(Study, { errors: "all", onExcessProperty: "error" });

export const parseStudy = (yaml: string): Study => decode(parse(yaml));

/** The entry of that name; throws with those there are. */
export const named = <A>(what: string, entries: Readonly<Record<string, A>>, name: string): A => {
  const found = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(entries);
  const there = names.length === 0 ? "there is none" : `there is ${names.join(", ")}`;
  throw new Error(`there is no ${what} \`${name}\`; ${there}`);
};
