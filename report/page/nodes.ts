/** The grid of points × stages, and what failed: its log and the command that reruns it. */
import { labelKey } from "../../pipelines/experiment/Node.ts";
import type { NodeStateName } from "../../pipelines/history/NodeState.ts";
import { duration } from "../../schemas/quantity.ts";
import type { Labels, NodeData, RunData } from "../ReportData.ts";
import { html, type Html, idOf } from "./html.ts";
import { labelsText } from "../../schemas/labels.ts";

const marks: Readonly<Record<NodeStateName, string>> = {
  "not started": "·",
  cached: "=",
  waiting: "…",
  running: "▸",
  retrying: "↻",
  made: "✓",
  reused: "=",
  failed: "✗",
  skipped: "–",
  interrupted: "◼",
  lost: "?",
};

const mostRows = 200;

export const nodeGrid = (run: RunData): Html => {
  const stages = [...new Set(run.nodes.map(({ stageName }) => stageName))];
  const rows = [...Map.groupBy(run.nodes, ({ labels }) => labelKey(labels)).values()];
  const left = rows.length - mostRows;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Nodes of ${run.run}">
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">point</th>
            ${stages.map((stage) => html`<th scope="col">${stage}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, mostRows).map(
            (nodes) =>
              html`<tr>
                <th scope="row">${pointName(nodes[0]!.labels)}</th>
                ${stages.map((stage) => cell(nodes.find(({ stageName }) => stageName === stage)))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="note">
      ✓ made in this run, = reused, ✗ failed, – skipped, ▸ running, ? running when the run was
      killed, ◼ interrupted, · not started. Times are those of making the result, in this run or an
      earlier one.
      ${left > 0 ? `${left} further points are left out; \`pipe status ${run.run}\` shows them.` : ""}
    </p>
    ${failures(run)}`;
};

const pointName = (labels: Labels): string => labelsText(labels, ", ") || "shared by all points";

const cell = (node: NodeData | undefined): Html => {
  if (node === undefined) return html`<td></td>`;
  const { progress } = node;
  const seconds = node.wallSeconds ?? node.seconds;
  const amount =
    node.state === "running" && progress !== undefined
      ? `${progress.done} of ${progress.total} ${progress.unit}`
      : seconds === undefined
        ? ""
        : duration(seconds);
  const text = html`<span aria-hidden="true">${marks[node.state]}</span>
    <span class="hidden">${node.state}</span> ${amount}`;
  return html`<td class="state ${node.state.replaceAll(" ", "-")}">
    ${node.state === "failed" ? html`<a href="#${idOf("failed", node.node)}">${text}</a>` : text}
  </td>`;
};

const mostFailures = 50;

const failures = ({ nodes }: RunData): ReadonlyArray<Html> => {
  const failed = nodes.filter(({ state }) => state === "failed");
  const left = failed.length - mostFailures;
  return [
    ...failed.slice(0, mostFailures).map(
      ({ node, message, fix, logTail, again }) =>
        html`<section class="failure" id="${idOf("failed", node)}">
          <h3>✗ ${node}</h3>
          <p>${message}</p>
          ${fix === undefined || fix === "" ? undefined : html`<p>${fix}</p>`}
          ${logTail.length === 0 ? undefined : html`<pre tabindex="0">${logTail.join("\n")}</pre>`}
          <p>Run it again: <code>${again}</code></p>
        </section>`,
    ),
    ...(left > 0 ? [html`<p>${left} further failures are left out.</p>`] : []),
  ];
};
