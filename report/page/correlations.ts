/** Correlations of rewards: a row a reward, target and point; the rank correlations across checkpoints; and what is published. */
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import { intervalLines, orderLines, targetNote } from "../../kinds/correlationsText.ts";
import { gridLatex, gridMarkdown } from "../../kinds/gridForms.ts";
import type { NumberRows } from "../../kinds/NumberRows.ts";
import { columnsTable } from "./columnsTable.ts";
import { copiesOf } from "./copies.ts";
import { html, type Html } from "./html.ts";

export const correlationTables = (
  of: string,
  correlations: Correlations,
  rows: NumberRows,
  text: string,
): Html => {
  const grids = rows.grids();
  const [points = [], across] = grids;
  const orders = orderLines(correlations)
    .map((line) => line.replaceAll(/ {2,}/gu, " ").trim())
    .filter((line) => line !== "");
  return html`${columnsTable(of, points)}
    ${
      across === undefined
        ? undefined
        : html`<h4>rank correlation of checkpoint means</h4>
            ${columnsTable(`${of}, across checkpoints`, across)}`
    }
    ${orders.map((line) => html`<p class="note">${line}</p>`)}
    <p class="note">${[targetNote, ...intervalLines(correlations)].join(" ")}</p>
    ${copiesOf(of, [
      ["text with counts and reasons", text],
      ["Markdown", grids.map(gridMarkdown).join("\n")],
      ["LaTeX", grids.map(gridLatex).join("\n")],
      ["CSV", rows.csv()],
      ["JSON", JSON.stringify(correlations, null, 1)],
    ])}`;
};
