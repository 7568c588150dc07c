/** The runs of a store, a line each, with unreadable files below. */
import type { RunState, RunSummary } from "../../pipelines/history/RunHistory.ts";
import { flagTexts } from "../../pipelines/experiment/commandLine.ts";
import { noOverrides } from "../../schemas/Overrides.ts";
import { duration } from "../../schemas/quantity.ts";
import { localTime } from "./format.ts";
import { padEnd, padStart, printableName, type Style, width } from "../../kinds/terminal.ts";

export const runsText = (runs: ReadonlyArray<RunSummary>, style: Style): string => {
  const header = ["run", "started", "state", "made", "cached", "failed", "of", "took", ""];
  const rows = runs.map((each) => [
    each.run,
    localTime(each.begun),
    each.state,
    String(each.executed),
    String(each.reused),
    String(each.failed),
    String(each.nodes),
    duration(each.seconds),
    flagTexts(each.overrides ?? noOverrides)
      .map(printableName)
      .join(" "),
  ]);
  const widths = header.map((name, column) =>
    Math.max(width(name), ...rows.map((row) => width(row[column] ?? ""))),
  );
  const isNumber = (column: number) => column > 2 && column < header.length - 1;
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => (isNumber(column) ? padStart : padEnd)(cell, widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    style.dim(line(header)),
    ...rows.flatMap((row, index) => {
      const { state, trouble } = runs[index] as RunSummary;
      const text = line(row).replace(` ${state} `, ` ${stateText(state, style)} `);
      return trouble === undefined ? [text] : [text, style.yellow(`  ! ${printableName(trouble)}`)];
    }),
  ].join("\n");
};

/** As `--json` prints it: overrides as flags. */
export const summaryJson = ({ overrides, ...summary }: RunSummary) =>
  overrides === undefined ? summary : { ...summary, overrides: flagTexts(overrides) };

export const stateText = (state: RunState, style: Style): string => {
  switch (state) {
    case "done":
      return style.green(state);
    case "running":
      return style.cyan(state);
    case "failed":
    case "killed":
      return style.red(state);
    case "interrupted":
      return style.yellow(state);
  }
};
