/** The main tables: one row an arm, every proportion with its interval, the best marked, and each format to copy. */
import { tableCsv } from "../../kinds/TableFile.ts";
import { intervalNote } from "../../kinds/tableText.ts";
import { tableLatex, tableMarkdown } from "../../kinds/tableView.ts";
import { type Arm, type ArmSet, axisName, metrics, type Metric } from "../analysis/Arms.ts";
import { type Comparison, mostCompared } from "../analysis/comparisons.ts";
import { type ArmContrast, directionOf } from "../analysis/contrast.ts";
import { rangeText, signedText, valueText } from "../analysis/numberText.ts";
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Numbers } from "../../kinds/Kind.ts";
import type { Measurements } from "../../kinds/MeasurementsFile.ts";
import type { RunData } from "../ReportData.ts";
import { copiesOf } from "./copies.ts";
import { correlationTables } from "./correlations.ts";
import { block, html, type Html } from "./html.ts";
import { measuredTables } from "./measurements.ts";

const plain = (text: string): string => text;
const plainStyle = {
  bold: plain,
  dim: plain,
  red: plain,
  green: plain,
  yellow: plain,
  cyan: plain,
};

const titles = {
  a: "a, end to end",
  a_p: "a_p, perception",
  a_r: "a_r, given p*",
} as const;

export const tableSection = (comparison: Comparison): Html => {
  const { node, sets, best, contrasts, baseline, metric: asked } = comparison;
  const several = sets.length > 1;
  const rows = sets.flatMap((set, index) =>
    set.arms.map((arm) => {
      const own = several && index === 0 ? [] : contrasts.filter((each) => each.arm === arm.name);
      return html`<tr>
        ${several ? html`<td>${set.run}</td>` : undefined}
        <th scope="row">${arm.name}</th>
        <td class="number">${arm.seeds.length}</td>
        <td class="number">${arm.row.a?.n ?? arm.row.a_r?.n ?? 0}</td>
        ${metrics.map((metric) => valueCell(arm, metric, index === 0 && best.get(metric)!.has(arm)))}
        <td class="number">
          ${arm.row.perception_f1 === null ? "–" : valueText(arm.row.perception_f1)}
        </td>
        ${differenceCell(own.find(({ metric }) => metric === asked))}
      </tr>`;
    }),
  );
  const first = sets[0]!;
  return html`${block(`table ${node}`)}
    <h3>${node}</h3>
    <div class="scroll" tabindex="0" role="region" aria-label="Table ${node}">
      <table class="main">
        <thead>
          <tr>
            ${several ? html`<th scope="col">run</th>` : undefined}
            <th scope="col">${first.axes.map(axisName).join(" × ") || "arm"}</th>
            <th scope="col" class="number">seeds</th>
            <th scope="col" class="number">n</th>
            ${metrics.map((metric) => html`<th scope="col" class="number">${titles[metric]}</th>`)}
            <th scope="col" class="number">F1</th>
            <th scope="col" class="number">${asked} − ${asked} of ${baseline}</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    <p class="note">
      ${intervalNote(first.table)}.
      ${first.arms.length > mostCompared ? `Of more than ${mostCompared} arms, none is compared.` : ""}
      ${several ? "" : "Bold: best in the column, or not distinguishable from it by the paired interval."}
      F1 is the mean over the captions' elements.
      ${(first.table.models ?? []).length === 0 ? "" : `Model: ${first.table.models?.join("; ")}.`}
    </p>
    ${sets.map((set) => copies(set))}`;
};

const valueCell = ({ row }: Arm, metric: Metric, isBest: boolean): Html => {
  const found = row[metric];
  if (found === null) return html`<td class="number">–</td>`;
  const value = valueText(found.value);
  return html`<td class="number">
    ${isBest ? html`<strong>${value}</strong>` : value}
    <span class="range">${rangeText(found)}</span>
  </td>`;
};

const differenceCell = (found: ArmContrast | undefined): Html => {
  if (found === undefined) return html`<td class="number">–</td>`;
  const { value, range } = found;
  const mark = { "1": "▲", "-1": "▼", "0": "" }[directionOf(found)];
  return html`<td class="number">
    ${mark} ${signedText(value)}
    <span class="range">${range === undefined ? "" : rangeText(range)}</span>
  </td>`;
};

/** The table in the formats of `pipe table`. */
const copies = ({ table, run }: ArmSet): Html =>
  copiesOf(run, [
    ["Markdown", tableMarkdown(table)],
    ["LaTeX", tableLatex(table)],
    ["CSV", tableCsv(table)],
    ["JSON", JSON.stringify(table, null, 1)],
  ]);

/** Numbers that are no table of accuracies: metrics of programs, and correlations of rewards. */
export const otherNumbers = ({ run, numbers }: RunData): ReadonlyArray<Html> =>
  numbers
    .filter(({ numbers: { json } }) => !("table" in json))
    .map(
      (each) =>
        html`${block(`numbers ${each.node}`)}
          <h3>${each.node}</h3>
          ${tablesOf(`${run} · ${each.node}`, each.numbers)}`,
    );

const tablesOf = (of: string, { json, rows, text }: Numbers): Html | undefined => {
  const { measurements, correlations } = json as {
    readonly measurements?: Measurements;
    readonly correlations?: Correlations;
  };
  if (measurements !== undefined) return measuredTables(of, measurements);
  if (correlations === undefined) return undefined;
  return correlationTables(of, correlations, rows, text(of, plainStyle, { width: 100 }));
};
