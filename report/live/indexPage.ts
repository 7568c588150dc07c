/** The page of all runs: a pure function of their summaries. */
import { plural } from "../../kinds/terminal.ts";
import type { RunSummary } from "../../pipelines/history/RunHistory.ts";
import { duration } from "../../schemas/quantity.ts";
import { noSamples } from "../packSamples.ts";
import { document } from "../page/document.ts";
import { html, type Html } from "../page/html.ts";
import { liveLine } from "../page/liveLine.ts";

export interface IndexedRun {
  readonly summary: RunSummary;
  /** The combinations of labels that its nodes have. */
  readonly points: number;
  /** The arm with the highest accuracy, as text. */
  readonly best?: string;
}

export interface IndexParts {
  readonly runs: ReadonlyArray<IndexedRun>;
  readonly total: number;
  readonly style: string;
  readonly script: string;
}

export const indexPage = ({ runs, total, style, script }: IndexParts): string => {
  const left = total - runs.length;
  const body = html`<main>
    <header>
      <h1>Runs</h1>
      ${liveLine(html`${plural(total, "run")}, the newest first.`)}
    </header>
    ${runs.length === 0 ? html`<p>None yet: start one with <code>pipe run EXPERIMENT</code>.</p>` : runTable(runs)}
    ${
      left > 0
        ? html`<p class="note">
            ${left} older runs are left out; <code>pipe runs</code> lists them, and
            <code>pipe report RUN</code> writes the page of one.
          </p>`
        : undefined
    }
  </main>`;
  return document("Runs", body, { style, script, packed: noSamples, isLive: true });
};

const runTable = (runs: ReadonlyArray<IndexedRun>): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="Runs">
    <table class="main">
      <thead>
        <tr>
          <th scope="col">run</th>
          <th scope="col">state</th>
          <th scope="col">began, UTC</th>
          <th scope="col" class="number">time</th>
          <th scope="col" class="number">results</th>
          <th scope="col" class="number">points</th>
          <th scope="col">highest accuracy [95 %]</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map(runRow)}
      </tbody>
    </table>
  </div>`;

const runRow = ({ summary, points, best }: IndexedRun): Html => {
  const { run, state, begun, seconds, nodes, executed, reused, failed, trouble } = summary;
  const results = `${executed + reused} of ${nodes}${failed === 0 ? "" : `, ${failed} failed`}`;
  return html`<tr>
    <th scope="row">
      ${trouble === undefined ? html`<a href="runs/${encodeURIComponent(run)}">${run}</a>` : run}
    </th>
    <td><span class="badge ${state}">${state}</span></td>
    <td>${begun.slice(0, 16).replace("T", " ")}</td>
    <td class="number">${duration(seconds)}</td>
    <td class="number">${results}</td>
    <td class="number">${points}</td>
    <td>${trouble ?? best ?? "–"}</td>
  </tr>`;
};
