/** A row for each arm: its difference, a line for its interval, and a circle for each seed below. */
import { exactly, rowAxis, signedLabels } from "./draw.ts";

export interface DifferenceRow {
  readonly value: number | null;
  readonly seeds: ReadonlyArray<number>;
  readonly range: { readonly low: number; readonly high: number } | undefined;
}

export interface DifferencesPanel {
  /** Names of the rows, in their order. */
  readonly names: ReadonlyArray<string>;
  readonly rows: ReadonlyArray<DifferenceRow>;
  readonly axis: { readonly title: string; readonly tickCount: number };
  readonly domain: readonly [number, number];
  readonly rowHeight: number;
  readonly isFirst: boolean;
  readonly color: string;
  readonly zeroColor: string;
}

export const differencesPanel = ({
  names,
  rows,
  axis,
  domain,
  rowHeight,
  isFirst,
  color,
  zeroColor,
}: DifferencesPanel) => {
  const x = {
    field: "x",
    type: "quantitative",
    scale: exactly(domain),
    axis: { ...axis, ...signedLabels },
  };
  const named = names.map((name, middle) => ({ name, middle }));
  const y = rowAxis(named, [-0.6, names.length - 0.4], isFirst);
  const points = (values: ReadonlyArray<object>, mark: object) => ({
    data: { values },
    mark: { type: "point", color, ...mark },
    encoding: { x, y },
  });
  return {
    height: names.length * rowHeight + 10,
    layer: [
      {
        data: { values: [{ x: 0 }] },
        mark: { type: "rule", color: zeroColor, strokeWidth: 1 },
        encoding: { x },
      },
      {
        data: { values: rows.flatMap(({ range }, at) => (range ? [{ y: at, ...range }] : [])) },
        mark: { type: "rule", color, strokeWidth: 2 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y },
      },
      points(
        rows.flatMap(({ seeds }, at) =>
          seeds.length < 2 ? [] : seeds.map((value) => ({ y: at + 0.28, x: value })),
        ),
        { size: 18, strokeWidth: 1, opacity: 0.75 },
      ),
      points(
        rows.flatMap(({ value }, at) => (value === null ? [] : [{ y: at, x: value }])),
        { filled: true, size: 56, opacity: 1 },
      ),
    ],
  };
};
