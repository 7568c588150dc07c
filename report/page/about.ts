/** How to repeat the run, where it ran, and what the page does not show. */
import { duration } from "../../schemas/quantity.ts";
import type { ReportData, RunData } from "../ReportData.ts";
import { html, type Html } from "./html.ts";

export const commandsOf = ({ commands }: RunData): Html =>
  html`<pre tabindex="0">${commands.join("\n")}</pre>`;

export const environmentOf = ({ environment, nodes, spec }: RunData): Html => {
  const cost = nodes.reduce((sum, { wallSeconds = 0 }) => sum + wallSeconds, 0);
  return html`<dl>
      <dt>work behind these results</dt>
      <dd>${duration(cost)} of wall time, added up over the nodes</dd>
      ${environment.map(
        ({ name, values }) =>
          html`<dt>${name}</dt>
            <dd>${values.join("; ")}</dd>`,
      )}
    </dl>
    <details>
      <summary>${spec.file}, as it was when the run began</summary>
      <pre tabindex="0">${spec.text}</pre>
    </details>`;
};

export const limitsOf = ({ runs }: ReportData): ReadonlyArray<Html> =>
  [
    "Intervals over pictures or instances take the trained models as given: they say nothing about another training.",
    "a_r is measured after a forced right caption. a and a_p come from the same responses, so they share chance.",
    "Intervals and bold marks are not adjusted for the number of comparisons; nor is the verdict, unless the experiment names its contrasts (`compare`).",
    ...(runs.some(({ took }) => took === undefined)
      ? [
          "The page is made from the bundle alone: times, machines and failed attempts are in `record/`; warnings of the run's stages are not in the bundle.",
        ]
      : []),
    ...(runs.length > 1
      ? [
          "Two runs are compared where their arms have the same name; other settings may differ: `pipe diff` lists them.",
        ]
      : []),
  ].map((text) => html`<li>${text}</li>`);
