/**
 * `docs/results/STUDY/study.yaml`: the content of a page: the points that are arms, the comparisons, and the tables and
 * figures by their names in the page.
 */
import { Effect, Schema } from "effect";
import { parse } from "yaml";
import { metrics } from "../analysis/Arms.ts";
import { PositiveNumber } from "../../schemas/numbers.ts";
import { readings, targets } from "../../stats/rewardCorrelations.ts";

const byDefault = <S extends Schema.Top>(value: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value));

const Texts = Schema.Record(Schema.String, Schema.String);

/** One arm for each label of `axis`; its points are the seeds. */
const Arms = Schema.Struct({
  /** The node of the table. */
  of: Schema.String.pipe(byDefault("table")),
  axis: Schema.String,
  /** Pages beside this one whose table of that name adds its points, such as more seeds. */
  pages: Schema.Array(Schema.String).pipe(byDefault([])),
  /** The labels of other axes. */
  where: Texts.pipe(byDefault({})),
  /** A text in the descriptions of these arms' models, where the table also has others: it does not say which points are whose. */
  models: Schema.optionalKey(Schema.NonEmptyString),
  /** Further arms from other tables, such as the start of a training. They come first. */
  also: Schema.Array(
    Schema.Struct({ label: Schema.String, of: Schema.String, where: Texts.pipe(byDefault({})) }),
  ).pipe(byDefault([])),
});

/** Each arm compared with one of them, seed by seed and example by example. */
const Differences = Schema.Struct({
  arms: Schema.String,
  baseline: Schema.String,
  metrics: Schema.Array(Schema.Literals(metrics)).pipe(byDefault([...metrics])),
  /** Arms without a comparison. */
  except: Schema.Array(Schema.String).pipe(byDefault([])),
  /** A difference that does not matter: tests that an arm is not worse by it, and that it is equivalent. */
  margin: Schema.optionalKey(PositiveNumber),
});

/** A surrogate's correlation with perception, and the gain of training on it. */
const surrogates = {
  differences: Schema.String,
  of: Schema.String.pipe(byDefault("correlations")),
  /** Arm → its reward in the correlations; `perception` is perception itself. */
  rewards: Texts,
  gain: Schema.Literals(metrics).pipe(byDefault("a_p")),
};

const correlations = {
  of: Schema.String.pipe(byDefault("correlations")),
  /** The labels of the points that are shown; without it all are. */
  where: Texts.pipe(byDefault({})),
  rewards: Schema.optionalKey(Schema.Array(Schema.String)),
  targets: Schema.Array(Schema.Literals(targets)).pipe(byDefault(["reasoning", "perception"])),
  readings: Schema.Array(Schema.Literals(readings)).pipe(byDefault(["pooled", "group_centred"])),
};

/** Trainings and what they wrote down along the way. */
const curves = {
  /** The stage whose models have the metrics. */
  of: Schema.String.pipe(byDefault("model")),
  axis: Schema.String,
  where: Texts.pipe(byDefault({})),
  /** The metrics, with their names in words. */
  values: Texts,
  /** A description of the values, for the caption. */
  about: Schema.String.pipe(
    byDefault(
      "Means over what the model sampled in each step of its training, as it wrote them down",
    ),
  ),
};

const PageTable = Schema.Union([
  Schema.Struct({ show: Schema.Literal("accuracies"), arms: Schema.String }),
  Schema.Struct({ show: Schema.Literal("decomposition"), arms: Schema.String }),
  Schema.Struct({ show: Schema.Literal("errors"), arms: Schema.String }),
  Schema.Struct({ show: Schema.Literal("differences"), differences: Schema.String }),
  Schema.Struct({ show: Schema.Literal("correlations"), ...correlations }),
  Schema.Struct({
    show: Schema.Literal("contingency"),
    of: correlations.of,
    rewards: correlations.rewards,
  }),
  Schema.Struct({ show: Schema.Literal("checkpoints"), of: correlations.of }),
  Schema.Struct({ show: Schema.Literal("order"), of: correlations.of, where: correlations.where }),
  Schema.Struct({ show: Schema.Literal("surrogates"), ...surrogates }),
  /** The first step at which each value is above each level. */
  Schema.Struct({
    show: Schema.Literal("passes"),
    ...curves,
    levels: Schema.NonEmptyArray(Schema.Finite),
  }),
  /** Each arm's values minus those of one arm, as means over steps, seed by seed. */
  Schema.Struct({
    show: Schema.Literal("curve-differences"),
    ...curves,
    baseline: Schema.String,
    /** The first and the last of the steps of each mean. */
    steps: Schema.NonEmptyArray(Schema.Tuple([Schema.Int, Schema.Int])),
  }),
]);
export type PageTable = typeof PageTable.Type;

const Figure = Schema.Union([
  Schema.Struct({
    show: Schema.Literal("accuracies"),
    arms: Schema.String,
    /** The meaning of the numbers at the ends of labels; arms without one stand beside the axis. */
    x: Schema.String,
    log: Schema.Boolean.pipe(byDefault(false)),
    /** One panel and axis for each metric, or one for all. */
    apart: Schema.Boolean.pipe(byDefault(true)),
  }),
  Schema.Struct({ show: Schema.Literal("differences"), differences: Schema.String }),
  Schema.Struct({
    show: Schema.Literal("correlations"),
    of: correlations.of,
    rewards: correlations.rewards,
    readings: Schema.Array(Schema.Literals(["pooled", "group_centred"])).pipe(
      byDefault(["pooled", "group_centred"]),
    ),
  }),
  Schema.Struct({ show: Schema.Literal("surrogates"), ...surrogates }),
  Schema.Struct({ show: Schema.Literal("curves"), ...curves }),
]);
export type Figure = typeof Figure.Type;

export const Study = Schema.Struct({
  /** The axis of repetitions. */
  seed: Schema.String.pipe(byDefault("seed")),
  arms: Schema.Record(Schema.String, Arms).pipe(byDefault({})),
  differences: Schema.Record(Schema.String, Differences).pipe(byDefault({})),
  tables: Schema.Record(Schema.String, PageTable).pipe(byDefault({})),
  figures: Schema.Record(Schema.String, Figure).pipe(byDefault({})),
});
export interface Study extends Schema.Schema.Type<typeof Study> {}

const decode = Schema.decodeUnknownSync(Study, { errors: "all", onExcessProperty: "error" });

export const parseStudy = (yaml: string): Study => decode(parse(yaml));

/** The entry of that name; throws with the valid names. */
export const named = <A>(what: string, entries: Readonly<Record<string, A>>, name: string): A => {
  const found = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(entries);
  const there = names.length === 0 ? "there is none" : `there is ${names.join(", ")}`;
  throw new Error(`there is no ${what} \`${name}\`; ${there}`);
};
