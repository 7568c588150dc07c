/** The table of trainings' values minus those of one arm, as means over steps, seed by seed. */
import { studentMean } from "../../stats/studentT.ts";
import type { CurveArm } from "../figures/curves.ts";
import { armName } from "./Arms.ts";
import { curveDifferencesCaption } from "./captions.ts";
import { curveArms } from "./figures/charts.ts";
import { markdownTable, signed, span } from "./numbers.ts";
import type { Page } from "./Page.ts";
import { named, type PageTable } from "./Study.ts";

type Training = CurveArm["trainings"][number];

export const curveDifferences = (
  page: Page,
  table: Extract<PageTable, { readonly show: "curve-differences" }>,
): string => {
  const arms = curveArms(page, table);
  const baseline = armName(table.axis, table.baseline);
  const base = named("training", Object.fromEntries(arms.map((arm) => [arm.name, arm])), baseline);
  const rows = Object.entries(table.values).flatMap(([metric, title]) =>
    arms
      .filter((arm) => arm !== base)
      .map((arm) => [
        arm.name,
        title,
        ...table.steps.map((steps) => {
          const { mean, interval } = studentMean(pairsOf(arm, base, metric, steps));
          return `${signed(mean.value)} ${span(interval.low, interval.high, signed)}`;
        }),
      ]),
  );
  const heading = ["training", "of", ...table.steps.map(([from, to]) => `steps ${from}–${to}`)];
  const caption = curveDifferencesCaption(page, table, baseline);
  return `${markdownTable(heading, rows)}\n\n${caption}`;
};

type Steps = readonly [from: number, to: number];

/** The differences of the seeds that both arms have. */
const pairsOf = (arm: CurveArm, base: CurveArm, metric: string, steps: Steps) =>
  arm.trainings.flatMap((training) => {
    const other = base.trainings.find(({ node }) => node === training.node);
    return other === undefined
      ? []
      : [meanOf(training, metric, steps) - meanOf(other, metric, steps)];
  });

const meanOf = ({ node, steps }: Training, metric: string, [from, to]: Steps): number => {
  const values = steps.flatMap(({ step, values }) =>
    step >= from && step <= to ? (values[metric] ?? []) : [],
  );
  if (values.length === 0)
    throw new Error(`the training ${node} has no ${metric} in steps ${from} to ${to}`);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};
