/** Columns of cells as a table, an interval behind its number. */
import type { Column } from "../../kinds/gridText.ts";
import { html, type Html } from "./html.ts";

export const columnsTable = (of: string, columns: ReadonlyArray<Column>): Html => {
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
