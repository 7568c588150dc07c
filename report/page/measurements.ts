/** Metrics of programs: a row a point, and the means over repetitions. */
import { gridLatex, gridMarkdown } from "../../kinds/gridForms.ts";
import { type Measurements, measurementsCsv } from "../../kinds/MeasurementsFile.ts";
import { measurementColumns } from "../../kinds/measurementsText.ts";
import { copiesOf } from "./copies.ts";
import { columnsTable } from "./columnsTable.ts";
import { html, type Html } from "./html.ts";

export const measuredTables = (of: string, measurements: Measurements): Html => {
  const { points, pooled } = measurementColumns(measurements);
  const grids = pooled === undefined ? [points] : [points, pooled.columns];
  return html`${columnsTable(of, points)}
  ${
    pooled === undefined
      ? undefined
      : html`<h4>${pooled.title}</h4>
          ${columnsTable(`${of}, ${pooled.title}`, pooled.columns)}
          <p class="note">${pooled.note}</p>`
  }
  ${copiesOf(of, [
    ["Markdown", grids.map(gridMarkdown).join("\n")],
    ["LaTeX", grids.map(gridLatex).join("\n")],
    ["CSV", measurementsCsv(measurements)],
    ["JSON", JSON.stringify(measurements, null, 1)],
  ])}`;
};
