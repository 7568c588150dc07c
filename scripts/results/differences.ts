/**
 * Each arm minus the baseline, for the same seed and the same test examples.
 *
 * Two intervals, since there are two things that could have come out otherwise. Over examples: a bootstrap of the test
 * examples, each with the answers of all seeds, the trained models being as they are. Over seeds: Student's t of the seeds'
 * differences, the test examples being as they are. P-values are those of the latter, and Holm's over all that is compared.
 */
import { holm } from "../../stats/holm.ts";
import { pairedBootstrap } from "../../stats/pairedBootstrap.ts";
import type { Interval, Statistic } from "../../stats/Statistic.ts";
import { studentMean } from "../../stats/studentT.ts";
import { type Arm, armsNamed } from "./Arms.ts";
import type { Page } from "./Page.ts";
import { type Metric, named } from "./Study.ts";

const resamples = 2000;
const bootstrapSeed = 0;

export interface Difference {
  readonly arm: string;
  readonly metric: Metric;
  readonly seeds: ReadonlyArray<{ readonly seed: string; readonly value: number }>;
  readonly mean: number | null;
  /** Between seeds. */
  readonly sd: Statistic;
  readonly over_seeds: Interval;
  readonly over_examples: Interval;
  readonly examples: number;
  readonly p: Statistic;
  /** Null where there is no p. */
  readonly p_holm: number | null;
}

export interface Differences {
  readonly arms: string;
  readonly axis: string;
  readonly baseline: string;
  readonly interval: {
    readonly over_seeds: string;
    readonly over_examples: string;
    readonly resamples: number;
    readonly seed: number;
  };
  /** How many p-values Holm's are adjusted for. */
  readonly compared: number;
  readonly differences: ReadonlyArray<Difference>;
}

export const differencesNamed = (page: Page, name: string): Differences =>
  page.once(`differences: ${name}`, () => workOut(page, name));

const workOut = (page: Page, name: string): Differences => {
  const {
    arms: set,
    baseline,
    metrics,
    except,
  } = named("set of differences", page.study.differences, name);
  const { axis, arms } = armsNamed(page, set);
  const base = arms.find(({ label }) => label === baseline);
  if (base === undefined)
    throw new Error(
      `there is no arm \`${baseline}\`; there is ${arms.map(({ label }) => label).join(", ")}`,
    );
  const others = arms.filter(({ label }) => label !== baseline && !except.includes(label));
  const raw = metrics.flatMap((metric) => others.map((arm) => difference(arm, base, metric)));
  const compared = raw.filter(({ p }) => p.value !== null);
  const adjusted = holm(compared.map(({ p }) => p.value ?? 1));
  return {
    arms: set,
    axis,
    baseline,
    interval: {
      over_seeds: "Student's t, 95 %",
      over_examples: "bootstrap of the test examples, BCa, 95 %",
      resamples,
      seed: bootstrapSeed,
    },
    compared: compared.length,
    differences: raw.map((each) => ({
      ...each,
      p_holm: adjusted[compared.indexOf(each)] ?? null,
    })),
  };
};

const difference = (arm: Arm, base: Arm, metric: Metric): Omit<Difference, "p_holm"> => {
  const pairs = arm.points.flatMap((point) => {
    const other = base.points.find(({ seed }) => seed === point.seed);
    const [one, two] = [point.accuracies[metric], other?.accuracies[metric]];
    return one && two ? [{ point, other: other!, value: one.value - two.value }] : [];
  });
  const seeds = pairs.map(({ point: { seed }, value }) => ({ seed, value }));
  const overSeeds = studentMean(seeds.map(({ value }) => value));
  const first: Array<number> = [];
  const second: Array<number> = [];
  const clusters: Array<string> = [];
  for (const { point, other } of pairs) {
    if (point.examples?.length !== other.examples?.length)
      throw new Error(`${arm.label} and ${base.label} differ in examples`);
    const theirs = new Map(other.examples?.map((example) => [example.id, example[metric]]));
    for (const { id, [metric]: ours } of point.examples ?? []) {
      const their = theirs.get(id);
      if (their === undefined) throw new Error(`${arm.label} and ${base.label} differ in examples`);
      first.push(ours);
      second.push(their);
      clusters.push(id);
    }
  }
  const options = { seed: bootstrapSeed, resamples, method: "bca", clusters } as const;
  const overExamples = pairedBootstrap(first, second, options);
  return {
    arm: arm.label,
    metric,
    seeds,
    mean: overSeeds.mean.value,
    sd: overSeeds.sd,
    over_seeds: overSeeds.interval,
    over_examples: overExamples.interval,
    examples: overExamples.clusters,
    p: overSeeds.p,
  };
};
