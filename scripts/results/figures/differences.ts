/** Each arm minus the baseline: the mean, both of its intervals, and every seed. */
import { differencesNamed } from "../differences.ts";
import { armName } from "../Arms.ts";
import type { Page } from "../Page.ts";
import type { Metric } from "../Study.ts";
import { colours, exactly, metricNames, roomFor, signedLabels } from "./draw.ts";

const fullWidth = 690;
const rowHeight = 34;

export const differencesChart = (page: Page, name: string): object => {
  const { differences, axis, baseline } = differencesNamed(page, name);
  const shown = [...new Set(differences.map(({ metric }) => metric))];
  const arms = [...new Set(differences.map(({ arm }) => arm))];
  const width = Math.round(fullWidth / shown.length) - 30;
  return {
    hconcat: shown.map((metric, index) =>
      panel(metric, {
        arms,
        baseline: armName(axis, baseline),
        names: arms.map((arm) => armName(axis, arm)),
        width,
        isFirst: index === 0,
        rows: differences.filter((each) => each.metric === metric),
      }),
    ),
  };
};

interface Panel {
  readonly arms: ReadonlyArray<string>;
  readonly baseline: string;
  readonly names: ReadonlyArray<string>;
  readonly width: number;
  readonly isFirst: boolean;
  readonly rows: ReturnType<typeof differencesNamed>["differences"];
}

const panel = (metric: Metric, { arms, names, baseline, width, isFirst, rows }: Panel): object => {
  const place = (arm: string): number => arms.indexOf(arm);
  const points = rows.flatMap(({ arm, mean }) =>
    mean === null ? [] : [{ y: place(arm), x: mean }],
  );
  const seeds = rows.flatMap(({ arm, seeds }) =>
    seeds.length < 2 ? [] : seeds.map(({ value }) => ({ y: place(arm) + 0.28, x: value })),
  );
  const spans = (of: "over_seeds" | "over_examples") =>
    rows.flatMap(({ arm, [of]: { low, high } }) =>
      low === null || high === null ? [] : [{ y: place(arm), low, high }],
    );
  const ends = [...spans("over_seeds"), ...spans("over_examples")];
  const all = [
    0,
    ...[...points, ...seeds].map(({ x }) => x),
    ...ends.flatMap(({ low, high }) => [low, high]),
  ];
  const x = {
    field: "x",
    type: "quantitative",
    scale: exactly(roomFor(all)),
    axis: { title: `${metric} − ${metric} of ${baseline}`, tickCount: 5, ...signedLabels },
  };
  const y = {
    field: "y",
    type: "quantitative",
    scale: { ...exactly([-0.6, arms.length - 0.4]), reverse: true },
    axis: {
      title: null,
      values: arms.map((_, index) => index),
      labelExpr: `${JSON.stringify(names)}[datum.value]`,
      grid: false,
      ticks: false,
      domain: false,
      labels: isFirst,
      labelFontSize: 12,
    },
  };
  const color = colours[metric];
  const span = (of: "over_seeds" | "over_examples", mark: object) => ({
    data: { values: spans(of) },
    mark: { type: "rule", color, ...mark },
    encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y },
  });
  return {
    title: metricNames[metric],
    width,
    height: arms.length * rowHeight + 10,
    layer: [
      {
        data: { values: [{ x: 0 }] },
        mark: { type: "rule", color: "#666666", strokeWidth: 1 },
        encoding: { x },
      },
      span("over_seeds", { strokeWidth: 1.2 }),
      span("over_examples", { strokeWidth: 5, opacity: 0.45 }),
      {
        data: { values: seeds },
        mark: { type: "point", color, size: 18, strokeWidth: 1, opacity: 0.75 },
        encoding: { x, y },
      },
      {
        data: { values: points },
        mark: { type: "point", color, filled: true, size: 56, opacity: 1 },
        encoding: { x, y },
      },
    ],
  };
};
