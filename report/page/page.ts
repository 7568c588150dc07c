/** The page: one HTML file, a pure function of the report's data. It opens without network, and without a script it lacks only the browser of samples. */
import { plural } from "../../kinds/terminal.ts";
import { duration } from "../../schemas/quantity.ts";
import type { Comparison } from "../analysis/comparisons.ts";
import { verdictOf } from "../analysis/verdict.ts";
import { warningsOf } from "../analysis/warnings.ts";
import type { SampleData } from "../packSamples.ts";
import type { ReportData, RunData } from "../ReportData.ts";
import { commandsOf, environmentOf, limitsOf } from "./about.ts";
import { stageGraph } from "./dag.ts";
import { document } from "./document.ts";
import type { DrawnFigures } from "./figures.ts";
import { block, html, type Html } from "./html.ts";
import { liveLine } from "./liveLine.ts";
import { nodeGrid } from "./nodes.ts";
import { otherNumbers, tableSection } from "./numbers.ts";
import { chooseSamples, sampleCard } from "./samples.ts";

export interface PageParts {
  readonly comparisons: ReadonlyArray<Comparison>;
  readonly drawn: DrawnFigures;
  readonly style: string;
  readonly script: string;
  readonly data: SampleData;
  /** A sentence on samples left out; empty where they are complete. */
  readonly leftOut: string;
  readonly isLive: boolean;
}

export const reportPage = (
  data: ReportData,
  { comparisons, drawn, style, script, data: packed, leftOut, isLive }: PageParts,
): string => {
  const sections = sectionsOf(data, comparisons, drawn, leftOut);
  const title = data.runs.map(({ run }) => run).join(" and ");
  const body = html`<main>
    ${block("title")}
    <header>
      ${isLive ? liveLine(html`<a href="../">All runs</a>`) : undefined}
      <h1>${title}</h1>
      ${data.runs.map((run) => headOf(run, data.runs.length > 1))}
    </header>
    ${block("verdict")} ${verdict(comparisons.flatMap(verdictOf), data.runs)} ${block("links")}
    <nav aria-label="Sections">
      ${sections.map(({ id, name }) => html`<a href="#${id}">${name}</a> `)}
    </nav>
    ${sections.map(({ content }) => content)}
  </main>`;
  return document(title, body, { style, script, packed, isLive });
};

const sectionsOf = (
  data: ReportData,
  comparisons: ReadonlyArray<Comparison>,
  { figures, omitted, trainings, timelines }: DrawnFigures,
  leftOut: string,
) => {
  const samples = chooseSamples(data);
  return [
    section("numbers", "Numbers", [
      ...comparisons.map(tableSection),
      ...data.runs.flatMap(otherNumbers),
    ]),
    section("figures", "Figures", [
      ...(figures.length === 0 ? [] : [html`<div class="charts">${figures}</div>`]),
      ...omitted.map((text) => html`<p class="note">${text}</p>`),
    ]),
    section(
      "samples",
      "Answers",
      samples.length === 0
        ? []
        : [
            html`<div id="browser" hidden></div>
              ${leftOut === "" ? undefined : html`<p class="note">${leftOut}</p>`}
              <div id="fixed">
                <p class="note">
                  ${samples.length} answers, the four outcomes and the arms in turn. Left: what the
                  model saw; right: the same picture without noise. Underlined: wrong parts of the
                  caption.
                </p>
                <div class="samples">${samples.map(sampleCard)}</div>
              </div>`,
          ],
    ),
    section("training", "Training", trainings),
    section(
      "nodes",
      "Nodes",
      data.runs.map(
        (run, index) =>
          html`${runTitle(data, run)} ${stageGraph(run)} ${timelines[index]!} ${nodeGrid(run)}`,
      ),
    ),
    section(
      "repeat",
      "Repeat it",
      data.runs.map((run) => html`${runTitle(data, run)} ${commandsOf(run)} ${environmentOf(run)}`),
    ),
    section("limits", "What this page does not show", [
      html`<ul>
        ${limitsOf(data)}
      </ul>`,
    ]),
  ].filter((each) => each !== undefined);
};

/** Undefined where there is nothing to show. */
const section = (id: string, name: string, parts: ReadonlyArray<Html | undefined>) =>
  parts.length === 0
    ? undefined
    : {
        id,
        name,
        content: html`${block(id)}
          <section id="${id}">
            <h2>${name}</h2>
            ${parts}
          </section>`,
      };

const runTitle = ({ runs }: ReportData, { run }: RunData): Html | undefined =>
  runs.length > 1 ? html`<h3>${run}</h3>` : undefined;

const headOf = ({ run, description, state, took, nodes, spec }: RunData, isNamed: boolean): Html =>
  html`<p class="head">
    ${isNamed ? html`<strong>${run}</strong> ` : undefined}<span class="badge ${state}"
      >${state}</span
    >
    ${description}
    <span class="note"
      >${[
        spec.file,
        ...(took === undefined
          ? []
          : [`began ${took.begun.slice(0, 16).replace("T", " ")} UTC`, duration(took.seconds)]),
        plural(nodes.length, "node"),
      ].join(" · ")}</span
    >
  </p>`;

const verdict = (sentences: ReadonlyArray<string>, runs: ReadonlyArray<RunData>): Html => {
  const byText = Map.groupBy(
    runs.flatMap((run) => warningsOf(run).map((text) => ({ text, run: run.run }))),
    ({ text }) => text,
  );
  const warnings = [...byText].map(([text, of]) =>
    of.length === runs.length ? text : `${of.map(({ run }) => run).join(", ")}: ${text}`,
  );
  const shown = sentences.length > 0 ? sentences : ["There is nothing to compare yet."];
  return html`<section class="verdict" aria-label="Verdict">
    ${shown.map((sentence, index) => html`<p class="${index === 0 ? "lead" : "note"}">${sentence}</p>`)}
    ${
      warnings.length === 0
        ? undefined
        : html`<ul class="warnings">
            ${warnings.map((text) => html`<li>${text}</li>`)}
          </ul>`
    }
  </section>`;
};
