/** The charts of a page, by the same code as those of a report. */
import { accuraciesChart } from "../../figures/accuracies.ts";
import { correlationRows, correlationsChart } from "../../figures/correlations.ts";
import { type CurveArm, curvesChart } from "../../figures/curves.ts";
import { differencesChart } from "../../figures/differences.ts";
import { roomFor } from "../../figures/draw.ts";
import { metrics } from "../../analysis/Arms.ts";
import { armName, armsNamed } from "../Arms.ts";
import { differencesNamed } from "../differences.ts";
import type { Page } from "../Page.ts";
import type { Figure } from "../Study.ts";

type Shown<Kind extends Figure["show"]> = Extract<Figure, { readonly show: Kind }>;

const fullWidth = 690;

/** Beside the plot stand names. */
const besideWidth = 130;

export const accuracies = (page: Page, { arms: name, x, log, apart }: Shown<"accuracies">) => {
  const { axis, arms } = armsNamed(page, name);
  const set = {
    axes: [axis],
    arms: arms.map(({ label, pooled, points }) => ({
      name: armName(axis, label),
      row: pooled,
      seeds: points.map(({ accuracies: row }) => ({ row })),
    })),
  };
  const width = fullWidth - besideWidth;
  if (!apart) return accuraciesChart(set, width, { title: x, isLog: log });
  const rangeOf = (metric: (typeof metrics)[number]) =>
    roomFor(
      set.arms.flatMap(({ row: { [metric]: pooled }, seeds }) => [
        ...(pooled === null ? [] : [pooled.low, pooled.high]),
        ...seeds.flatMap(({ row }) => row[metric]?.value ?? []),
      ]),
      { least: 0, most: 1 },
    );
  return {
    vconcat: metrics.map((metric) =>
      accuraciesChart(set, width, {
        title: metric === metrics.at(-1) ? x : null,
        isLog: log,
        shown: [metric],
        range: rangeOf(metric),
        height: 130,
      }),
    ),
  };
};

export const differences = (page: Page, name: string): object => {
  const { differences: found, axis } = differencesNamed(page, name);
  const contrasts = found.flatMap(({ arm, metric, mean, low, high, seeds }) =>
    mean === null
      ? []
      : [
          {
            arm: armName(axis, arm),
            metric,
            value: mean,
            seeds: seeds.map(({ value }) => value),
            range: low === null || high === null ? undefined : { low, high },
          },
        ],
  );
  const panels = new Set(contrasts.map(({ metric }) => metric)).size;
  return differencesChart(contrasts, Math.round(fullWidth / panels) - 40);
};

export const correlations = (page: Page, options: Shown<"correlations">): object => {
  const found = page.correlations(options.of);
  const rows = correlationRows(found, options.rewards);
  const missing = options.rewards?.find((name) => rows.every(({ reward }) => reward !== name));
  if (missing !== undefined)
    throw new Error(`\`${options.of}\` has no correlations of the reward \`${missing}\``);
  const width = Math.round(fullWidth / options.readings.length) - 80;
  return correlationsChart(rows, found.published, width, options.readings);
};

export const curveArms = (
  page: Page,
  { of, axis, where }: Pick<Shown<"curves">, "of" | "axis" | "where">,
): ReadonlyArray<CurveArm> => {
  const { seed } = page.study;
  const lines = page
    .curves(of)
    .filter(({ labels }) =>
      Object.entries(where).every(([other, label]) => labels[other] === label),
    );
  for (const { labels } of lines)
    for (const other of Object.keys(labels))
      if (other !== axis && other !== seed && where[other] === undefined)
        throw new Error(`the curves have the axis ${other}, too: say which label by \`where\``);
  return [...Map.groupBy(lines, ({ labels }) => labels[axis] ?? "")].map(
    ([label, own]): CurveArm => ({
      name: armName(axis, label),
      trainings: [...Map.groupBy(own, ({ labels }) => labels[seed] ?? "")].map(([node, steps]) => ({
        node,
        steps,
      })),
    }),
  );
};

export const curves = (
  arms: ReadonlyArray<CurveArm>,
  { values }: Pick<Shown<"curves">, "values">,
): object => {
  const panels = Object.entries(values);
  const columns = panels.length === 2 ? 2 : Math.min(3, panels.length);
  return {
    concat: panels.map(([name, title]) => ({
      title,
      ...curvesChart(arms, name, Math.round(fullWidth / columns) - 90),
    })),
    columns,
  };
};
