/** Measurements as people ask for them: some rows and metrics, in some order. */
import { type Measurements, measurementsCsv } from "./MeasurementsFile.ts";
import { measurementColumns, measurementsText } from "./measurementsText.ts";
import { matches, type NumberRows, sortedBy, type Where } from "./NumberRows.ts";

export const measurementsRows = (made: Measurements): NumberRows => {
  const { axes, metrics, rows } = made;
  const only = (columns?: ReadonlyArray<string>): Measurements =>
    columns === undefined
      ? made
      : { ...made, metrics: columns.filter((name) => metrics.includes(name)) };
  return {
    axes,
    labels: rows.map(({ labels }) => labels),
    columns: metrics,
    sortable: metrics,
    where: (where) => measurementsRows(measurementsWhere(made, where)),
    sorted: (column, upwards) => measurementsRows(measurementsSorted(made, column, upwards)),
    csv: () => measurementsCsv(made),
    grids: (columns) => {
      const { points, pooled } = measurementColumns(only(columns));
      return pooled === undefined ? [points] : [points, pooled.columns];
    },
    text: (title, style, { width, columns }) =>
      measurementsText(only(columns), title, style, width),
  };
};

const measurementsWhere = (made: Measurements, where: Where): Measurements => ({
  ...made,
  rows: made.rows.filter(({ labels }) => matches(where, labels)),
  pooled: made.pooled.filter(({ labels }) => matches(where, labels)),
});

const measurementsSorted = (
  made: Measurements,
  column: string,
  upwards: boolean | null,
): Measurements => {
  const isAxis = made.axes.includes(column);
  return {
    ...made,
    rows: sortedBy(
      made.rows,
      ({ labels, values }) => (isAxis ? labels[column] : values[column]) ?? null,
      upwards,
    ),
    pooled: sortedBy(
      made.pooled,
      ({ labels, values }) => (isAxis ? labels[column] : values[column]?.mean) ?? null,
      upwards,
    ),
  };
};
