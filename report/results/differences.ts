/**
 * Each arm minus the baseline, for the same seed and the same test examples, with the interval and the p-value of
 * `stats/contrast.ts`, which know that seeds and instances are shared. Holm adjusts the p-values over all comparisons.
 */
import { type Contrast, contrast } from "../../stats/contrast.ts";
import { holm } from "../../stats/holm.ts";
import { type Arm, armsNamed } from "./Arms.ts";
import type { Page } from "./Page.ts";
import type { Metric } from "../analysis/Arms.ts";
import { named } from "./Study.ts";

export interface Difference {
  readonly arm: string;
  readonly metric: Metric;
  readonly seeds: ReadonlyArray<{ readonly seed: string; readonly value: number }>;
  readonly mean: number | null;
  /** The spread between seeds; null for one seed. */
  readonly sd: number | null;
  /** 95 %, over seeds and instances; null where every difference is the same. */
  readonly low: number | null;
  readonly high: number | null;
  readonly instances: number;
  /** Two-sided. */
  readonly p: number | null;
  /** Null without a p-value. */
  readonly p_holm: number | null;
  /** Absent where the study names no margin. */
  readonly margin?: NonNullable<Contrast["margin"]>;
}

export interface Differences {
  readonly arms: string;
  readonly axis: string;
  readonly baseline: string;
  readonly interval: string;
  /** The number of p-values in Holm's adjustment. */
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
    margin,
  } = named("set of differences", page.study.differences, name);
  const { axis, arms } = armsNamed(page, set);
  const base = arms.find(({ label }) => label === baseline);
  if (base === undefined)
    throw new Error(
      `there is no arm \`${baseline}\`; there is ${arms.map(({ label }) => label).join(", ")}`,
    );
  const others = arms.filter(({ label }) => label !== baseline && !except.includes(label));
  const raw = metrics.flatMap((metric) =>
    others.map((arm) => difference(arm, base, metric, margin)),
  );
  const compared = raw.filter(({ p }) => p !== null);
  const adjusted = holm(compared.map(({ p }) => p ?? 1));
  return {
    arms: set,
    axis,
    baseline,
    interval: "over seeds and instances, 95 %",
    compared: compared.length,
    differences: raw.map((each) => ({
      ...each,
      p_holm: adjusted[compared.indexOf(each)] ?? null,
    })),
  };
};

const difference = (
  arm: Arm,
  base: Arm,
  metric: Metric,
  margin: number | undefined,
): Omit<Difference, "p_holm"> => {
  const pairs = arm.points.flatMap((point) => {
    const other = base.points.find(({ seed }) => seed === point.seed);
    const [one, two] = [point.accuracies[metric], other?.accuracies[metric]];
    return one && two ? [{ point, other: other!, value: one.value - two.value }] : [];
  });
  const answers = pairs.flatMap(({ point, other }, run) => {
    const theirs = new Map(other.examples.map((example) => [example.id, example[metric]]));
    if (point.examples.length !== theirs.size || point.examples.some(({ id }) => !theirs.has(id)))
      throw new Error(`${arm.label} and ${base.label} differ in examples`);
    return point.examples.map(({ id, instance, [metric]: ours }) => ({
      value: ours - theirs.get(id)!,
      run,
      instance,
    }));
  });
  const { value, sd, low, high, p, instances, margin: tests } = contrast(answers, margin);
  return {
    arm: arm.label,
    metric,
    seeds: pairs.map(({ point: { seed }, value: own }) => ({ seed, value: own })),
    mean: value,
    sd,
    low,
    high,
    instances,
    p,
    ...(tests === null ? {} : { margin: tests }),
  };
};
