/** Metrics of programs: a row a point, and the means over repetitions. */
import type { Column } from "../../kinds/gridText.ts";
import { type Measurements, measurementsCsv } from "../../kinds/MeasurementsFile.ts";
import { measurementColumns } from "../../kinds/measurementsText.ts";
import { copiesOf } from "./copies.ts";
import { html, type Html } from "./html.ts";

export const measuredTables = (of: string, measurements: Measurements): Html => {
  const { points, pooled } = measurementColumns(measurements);
  return html`${columnsTable(of, points)}
  ${
    pooled === undefined
      ? undefined
      : html`<h4>${pooled.title}</h4>
          ${columnsTable(`${of}, ${pooled.title}`, pooled.columns)}
          <p class="note">${pooled.note}</p>`
  }
  ${copiesOf(of, [
    ["CSV", measurementsCsv(measurements)],
    ["JSON", JSON.stringify(measurements, null, 1)],
  ])}`;
};

const columnsTable = (of: string, columns: ReadonlyArray<Column>): Html => {
  const rows = columns[0]?.cells.map((_, row) => row) ?? [];
  const classOf = ({ isLabel }: Column) => (isLabel ? "label" : "number");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table ${of}">
    <table class="main">
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class="${classOf(column)}">${column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${columns.map((column) => {
                const { text, under = "" } = column.cells[row]!;
                return html`<td class="${classOf(column)}">
                  ${text} ${under === "" ? undefined : html`<span class="range">${under}</span>`}
                </td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
};
