/** A table for the terminal: a line a point, pooled lines after, every proportion with its interval. */
import type { NondeterministicNode } from "../../pipelines/nondeterminism.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import type { Table, TableRow } from "../../schemas/Table.ts";
import { padEnd, padStart, plural, printableName, width } from "./format.ts";
import type { Style } from "./style.ts";

export const tableText = (table: Table, title: string, style: Style): string => {
  const blocks = [
    table.rows,
    ...(table.pooled.some((row) => row.points > 1) ? [table.pooled] : []),
  ];
  const axes = (rows: ReadonlyArray<TableRow>) =>
    table.axes.filter((axis) => rows.some((row) => row.labels[axis] !== undefined));
  const rendered = blocks.map((rows) => grid(rows, axes(rows), style));
  const pooled = `pooled over ${table.pooledOver.join(", ")}`;
  const models = table.models.length === 0 ? [] : [`model: ${table.models.join("; ")}`];
  return [
    style.bold(printableName(title)),
    ...models,
    rendered[0],
    ...(rendered[1] === undefined ? [] : ["", pooled, rendered[1]]),
    style.dim(
      `a end to end · a_p perception · a_r reasoning from the oracle perception; ${table.interval} intervals`,
    ),
  ].join("\n");
};

const grid = (rows: ReadonlyArray<TableRow>, axes: ReadonlyArray<string>, style: Style): string => {
  const header = [...axes, "n", "a", "a_p", "a_r", "F1"];
  const cells = rows.map((row) => [
    ...axes.map((axis) => printableName(row.labels[axis] ?? "")),
    String(row.a?.n ?? 0),
    proportion(row.a),
    proportion(row.a_p),
    proportion(row.a_r),
    row.perception_f1 === null ? "–" : row.perception_f1.toFixed(3),
  ]);
  const widths = header.map((name, column) =>
    Math.max(width(name), ...cells.map((line) => width(line[column] ?? ""))),
  );
  const align = (text: string, column: number) =>
    (column < axes.length ? padEnd : padStart)(text, widths[column] ?? 0);
  const line = (texts: ReadonlyArray<string>) => texts.map(align).join("  ").trimEnd();
  return [style.dim(line(header)), ...cells.map(line)].join("\n");
};

const proportion = (metric: TableRow["a"]): string =>
  metric === null
    ? "–"
    : `${metric.value.toFixed(3)} [${metric.low.toFixed(3)}, ${metric.high.toFixed(3)}]`;

const shownNodes = 12;

/** Below the numbers: what of the run came out otherwise when it was made anew. */
export const nondeterminismText = (
  nodes: ReadonlyArray<NondeterministicNode>,
  run: string,
  style: Style,
): string =>
  [
    style.yellow(
      `not reproducible: of ${run}, ${plural(nodes.length, "node")} gave other bytes when made anew from the same inputs`,
    ),
    ...nodes.slice(0, shownNodes).map(({ node, artifact, kept }) => {
      const others = kept.filter((digest) => digest !== artifact).map(shortDigest);
      const see = [shortDigest(artifact), ...others]
        .slice(0, 4)
        .map((digest) => `npx pipe show ${digest}`);
      return `  ${printableName(node)}: ${plural(kept.length, "different result")} kept; the one here and others: ${see.join(", ")}${others.length > 3 ? ", …" : ""}`;
    }),
    ...(nodes.length > shownNodes ? [`  … and ${nodes.length - shownNodes} more`] : []),
  ].join("\n");
