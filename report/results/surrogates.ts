/** For each arm trained on a surrogate: its reward's correlation with perception before the training, and the gain. */
import type { Reading } from "../../schemas/Correlation.ts";
import { spearman } from "../../stats/spearman.ts";
import { between, type Interval, noInterval, type Statistic } from "../../stats/Statistic.ts";
import { studentMean } from "../../stats/studentT.ts";
import { associationsOf } from "./associations.ts";
import { type Difference, differencesNamed } from "./differences.ts";
import type { Page } from "./Page.ts";
import type { Metric } from "../analysis/Arms.ts";

export const promises = ["pooled", "group_centred"] as const satisfies ReadonlyArray<Reading>;
export type Promised = (typeof promises)[number];

export interface Options {
  readonly differences: string;
  readonly of: string;
  readonly rewards: Readonly<Record<string, string>>;
  readonly gain: Metric;
}

export interface Surrogate {
  readonly arm: string;
  readonly reward: string;
  /** The mean over seeds; null where a seed has none. */
  readonly promised: Readonly<Record<Promised, number | null>>;
  /** A 95 % interval over seeds: Student's, of Fisher's z = artanh r, so that no end is beyond 1. */
  readonly spread: Readonly<Record<Promised, Interval>>;
  readonly gain: Difference;
  readonly seeds: ReadonlyArray<{
    readonly seed: string;
    readonly promised: Readonly<Record<Promised, number | null>>;
    readonly gain: number;
  }>;
}

export interface Ranking {
  readonly surrogates: ReadonlyArray<Surrogate>;
  /** Correlation of the former with the gain, over arms. */
  readonly rank: Readonly<Record<Promised, Statistic>>;
}

export const rankingOf = (page: Page, { differences, of, rewards, gain }: Options): Ranking => {
  const { differences: all, axis, baseline } = differencesNamed(page, differences);
  const { seed } = page.study;
  const correlations = page.correlations(of);
  const surrogates = Object.entries(rewards).map(([arm, reward]): Surrogate => {
    const brought = all.find((each) => each.arm === arm && each.metric === gain);
    if (brought === undefined)
      throw new Error(`\`${differences}\` has no ${gain} of ${arm} against ${baseline}`);
    // Perception correlates perfectly with itself.
    const perception = reward === "perception";
    const choice = { rewards: [reward], targets: ["perception"], readings: promises } as const;
    // Arms may differ in who judges, and then each has points of its own.
    const points = correlations.points.filter(({ labels }) => (labels[axis] ?? arm) === arm);
    const shown = perception ? [] : associationsOf({ ...correlations, points }, choice, seed);
    const at = (which?: string) => {
      const of = (reading: Promised): number | null => {
        if (perception) return 1;
        const values = shown
          .filter((each) => each.reading === reading && (which ?? each.seed) === each.seed)
          .map(({ estimate }) => estimate.value);
        return mean(values);
      };
      return { pooled: of("pooled"), group_centred: of("group_centred") };
    };
    const seeds = brought.seeds.map(({ seed, value }) => ({
      seed,
      promised: at(seed),
      gain: value,
    }));
    const spreadOf = (reading: Promised) =>
      fisherInterval(seeds.flatMap((each) => each.promised[reading] ?? []));
    return {
      arm,
      reward,
      promised: at(),
      spread: { pooled: spreadOf("pooled"), group_centred: spreadOf("group_centred") },
      gain: brought,
      seeds,
    };
  });
  const rank = (reading: Promised): Statistic => {
    const known = surrogates.filter(({ promised }) => promised[reading] !== null);
    return spearman(
      known.map(({ promised }) => promised[reading]!),
      known.map(({ gain }) => gain.mean ?? Number.NaN),
    );
  };
  return { surrogates, rank: { pooled: rank("pooled"), group_centred: rank("group_centred") } };
};

/** No ends for fewer than two correlations, for equal ones, and where one is perfect. */
const fisherInterval = (correlations: ReadonlyArray<number>): Interval => {
  if (correlations.some((r) => Math.abs(r) >= 1))
    return noInterval("Fisher's z of a perfect correlation is infinite");
  const { interval } = studentMean(correlations.map(Math.atanh));
  return interval.low === null
    ? interval
    : between(Math.tanh(interval.low), Math.tanh(interval.high));
};

const mean = (values: ReadonlyArray<number | null>): number | null =>
  values.length === 0 || values.includes(null)
    ? null
    : values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
