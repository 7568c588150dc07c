/** The captions of tables and figures: the models, the numbers of examples and seeds, the kinds of intervals. */
import { type CurveArm, isBanded } from "../figures/curves.ts";
import { intervalMethod } from "../../stats/CheckpointCorrelations.ts";
import { armName, type ArmSet, armsNamed, modelsOf } from "./Arms.ts";
import type { Differences } from "./differences.ts";
import type { Direction } from "./figures/axes.ts";
import { counted, decimals, extent, none } from "./numbers.ts";
import type { Page } from "./Page.ts";
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Figure } from "./Study.ts";

const modelsText = (models: ReadonlyArray<string> = []): string =>
  models.length === 0 ? "Models that say nothing of themselves." : `${models.join("; ")}.`;

const sizes = ({ arms }: ArmSet) => {
  const points = arms.flatMap((arm) => arm.points);
  const n = extent(points.map(({ accuracies: { a, a_r } }) => (a ?? a_r)?.n ?? 0));
  const seeds = extent(arms.map((arm) => arm.points.length));
  const instances = new Set(
    points.flatMap(({ examples }) => examples.map((each) => each.instance)),
  );
  return {
    n,
    seeds: seeds === "1" ? "1 seed" : `${seeds} seeds`,
    repeated: seeds !== "1",
    instances: counted(instances.size, "distinct instance"),
  };
};

export const accuraciesCaption = (page: Page, name: string, isFigure: boolean): string => {
  const set = armsNamed(page, name);
  const { n, seeds, repeated, instances } = sizes(set);
  return [
    modelsText(set.models),
    `n = ${n} test examples a model, of ${instances}; ${seeds} an arm.`,
    repeated
      ? "Values are pooled over seeds; 95 % intervals are over seeds and instances (Wilson's, of the effective number of answers)."
      : "95 % intervals are over instances; of one seed, so the variance between trainings was not measured.",
    ...(isFigure && repeated
      ? ["Small circles are the seeds; bands reach from the lowest to the highest."]
      : []),
  ].join(" ");
};

export const differencesCaption = (page: Page, differences: Differences, isFigure: boolean) => {
  const { arms: name, axis, compared } = differences;
  const baseline = armName(axis, differences.baseline);
  const set = armsNamed(page, name);
  const { n, seeds, instances } = sizes(set);
  return [
    modelsText(set.models),
    `Each arm minus ${baseline}, seed by seed and on the same examples; n = ${n} examples of ${instances}, ${seeds}.`,
    isFigure
      ? "Dot: mean of seeds; circles: seeds; line: 95 % interval over seeds and instances."
      : "95 % intervals and p are over seeds and instances (clusters in two ways, Student's t).",
    ...(isFigure || compared === 0
      ? []
      : [
          `p: two-sided; p (Holm) is adjusted for the ${counted(compared, "comparison")} of this table.`,
        ]),
    ...(isFigure || differences.differences.every((each) => each.margin === undefined)
      ? []
      : [
          "The last two p are one-sided: that the arm is worse by the margin or more, and that it differs by the margin or more in either direction.",
        ]),
  ].join(" ");
};

export const correlationsCaption = (
  page: Page,
  { models, points, interval, published }: Correlations,
  isFigure: boolean,
): string => {
  const { seed } = page.study;
  const seeds = new Set(points.map(({ labels }) => labels[seed] ?? "")).size;
  return [
    modelsText(models),
    rolloutsText(points),
    `${counted(seeds, "seed")}${isFigure && seeds > 1 ? ", each a circle; dots are their means" : ""}.`,
    `${interval.method.includes("BCa") ? `95 % intervals: bootstrap of prompts (${intervalMethod === "bca" ? "BCa" : intervalMethod})` : interval.method}, ${counted(interval.resamples, "resample")}.`,
    `${isFigure ? "Shaded: what" : "What"} ${published.source} reports of the outcome, ${decimals(published.outcome_with_reasoning.low, 2)} to ${decimals(published.outcome_with_reasoning.high, 2)} with reasoning and ${decimals(published.outcome_with_perception.low, 2)} to ${decimals(published.outcome_with_perception.high, 2)} with perception${isFigure ? "" : ", is to be held against the pooled reading"}. ${published.note}`,
  ].join(" ");
};

export const rolloutsText = (points: Correlations["points"]): string =>
  `${extent(points.map(({ rollouts }) => rollouts.end_to_end))} rollouts of ${extent(points.map(({ prompts }) => prompts))} prompts a checkpoint.`;

export const surrogatesCaption = (
  page: Page,
  of: string,
  differences: Differences,
  isFigure: boolean,
) => {
  const { models, points } = page.correlations(of);
  const { n, seeds } = sizes(armsNamed(page, differences.arms));
  return [
    modelsText(models),
    `Correlations before the training, mean of seeds: ${rolloutsText(points)} Gains after it: ${seeds}, n = ${n} test examples.`,
    ...(isFigure ? ["Circles are the seeds, lines the intervals."] : []),
    "95 % intervals of correlations are over seeds (Student, of Fisher’s z), of gains over seeds and instances.",
    "So few arms show a tendency at most.",
  ].join(" ");
};

type Curves = Pick<Extract<Figure, { readonly show: "curves" }>, "of" | "where" | "about">;

const seedsOf = (page: Page, { of }: Curves): ReadonlyArray<string> => [
  ...new Set(page.curves(of).map(({ labels }) => labels[page.study.seed] ?? "")),
];

const trainingsText = (page: Page, curves: Curves): string => {
  const shown = Object.entries(page.study.arms).filter(([, { where }]) =>
    Object.entries(where).every(([axis, label]) => (curves.where[axis] ?? label) === label),
  );
  const models = [...new Set(shown.flatMap(([name]) => modelsOf(page, name)))];
  const seeds = counted(seedsOf(page, curves).length, "seed");
  return `${modelsText(models)} ${curves.about}; ${seeds}.`;
};

export const curvesCaption = (page: Page, figure: Curves, arms: ReadonlyArray<CurveArm>): string =>
  [
    trainingsText(page, figure),
    ...(seedsOf(page, figure).length > 1 ? [linesText(arms)] : []),
    "No intervals.",
  ].join(" ");

export const passesCaption = (page: Page, table: Curves): string =>
  `${trainingsText(page, table)} Steps are those of the first measurement above the level; ${none} where none is above it.`;

export const curveDifferencesCaption = (page: Page, table: Curves, baseline: string): string =>
  `${trainingsText(page, table)} Each training minus ${baseline} of its seed, the mean over these steps; 95 % intervals are over seeds (Student's t).`;

const linesText = (arms: ReadonlyArray<CurveArm>): string =>
  isBanded(arms)
    ? "Lines are the mean of the seeds, smoothed over a tenth of the steps; bands reach from the lowest seed to the highest, smoothed, too."
    : "Thin lines are the seeds, strong ones their mean, smoothed over a tenth of the steps.";

/** A warning for readers who compare panels; empty where all have the same axes. */
export const axesCaption = (differing: ReadonlyArray<Direction>): string =>
  differing.length === 0
    ? ""
    : `The panels have different scales, each ${differing.map((direction) => `a ${direction} axis`).join(" and ")} of its own: compare lengths and places within a panel only.`;
