/** The differences between two runs: changed settings, first differing nodes, changed numbers. */
import { RunDirectory } from "../../cache/RunDirectory.ts";
import type { NodeDifference, RunDifference } from "../../pipelines/history/RunDifference.ts";
import type { RunSide } from "../../pipelines/history/RunSide.ts";
import { type Located, toJson } from "../../pipelines/experiment/Located.ts";
import { spanOf } from "../../pipelines/experiment/Source.ts";
import type { SpecDifference } from "../../pipelines/history/specDifference.ts";
import type {
  MetricDifference,
  RowDifference,
  TableDifference,
} from "../../pipelines/history/tableDifference.ts";
import type { PairedRow } from "../../pipelines/history/pairedRows.ts";
import { shortDigest } from "../../schemas/Digest.ts";
import { jsonText, reasonWords, shorten } from "./causeText.ts";
import {
  padEnd,
  padStart,
  plural,
  printableName,
  type Style,
  width,
} from "../../kinds/terminal.ts";
import { pairedLines } from "./pairedText.ts";
import { groupsOf } from "./planText.ts";
import { labelsText } from "../../schemas/labels.ts";

export interface Diff {
  readonly old: RunSide;
  readonly now: RunSide;
  /** Absent where the experiment of a run can't be read. */
  readonly spec?: ReadonlyArray<SpecDifference>;
  readonly nodes: RunDifference;
  readonly tables: ReadonlyArray<{ readonly node: string; readonly difference: TableDifference }>;
  readonly paired: ReadonlyArray<PairedRow>;
}

const fewGroups = 12;
const fewNames = 6;

export const diffText = (diff: Diff, style: Style, width: number): string =>
  [
    headText(diff, style),
    ...specLines(diff, style),
    ...nodeLines(diff, style),
    ...diff.tables.flatMap(({ node, difference }) => tableLines(node, difference, style)),
    ...pairedLines(diff.paired, width, style),
  ].join("\n");

const headText = ({ old, now }: Diff, style: Style): string =>
  `${style.bold(`${old.plan.run} → ${now.plan.run}`)} ${style.dim(`(${old.state} → ${now.state})`)}`;

const specLines = ({ old, now, spec }: Diff, style: Style): ReadonlyArray<string> => {
  if (spec === undefined) return ["", "the experiment of one of the runs can't be read"];
  if (spec.length === 0) return ["", "same settings"];
  const copies = [old, now].map(({ plan }) => RunDirectory.of("", plan.run).spec);
  return [
    "",
    `${style.bold("changed settings")} ${style.dim(`(line:column in ${copies.join(" → ")})`)}`,
    ...spec.map((each) => `  ${printableName(specText(each))}`),
  ];
};

const specText = ({ path, old, new: now }: SpecDifference): string => {
  const [before, after] = shorten(locatedText(old), locatedText(now));
  const places = [old, now].flatMap((side) => (side === undefined ? [] : [shortPlace(side)]));
  return `${path.join(".")} ${before} → ${after} (${places.join(" → ")})`;
};

const locatedText = (located: Located | undefined): string =>
  located === undefined ? "nothing" : jsonText(toJson(located));

/** Without the file, which is named once above. */
const shortPlace = ({ at }: Located): string => {
  const { file, line, col } = spanOf(at);
  return file.startsWith("--") ? `${file} ${at.source.text}` : `${line}:${col}`;
};

const nodeLines = ({ old, now, nodes }: Diff, style: Style): ReadonlyArray<string> => {
  const { first, also, follow, unmade, onlyOld, onlyNew, same } = nodes;
  const section = (title: string, members: ReadonlyArray<NodeDifference>) =>
    members.length === 0 ? [] : ["", style.bold(title), ...groupLines(members)];
  const runs = { old: old.plan.run, new: now.plan.run };
  return [
    ...section("first differing nodes", first),
    ...section("downstream nodes with changed settings", also),
    ...(follow.length === 0 ? [] : ["", `downstream, ${followText(follow)}`]),
    ...unmadeLines(unmade, { old, now }),
    ...onlyLines(onlyOld, runs.old),
    ...onlyLines(onlyNew, runs.new),
    `${plural(same, "node")} the same`,
  ];
};

const groupLines = (members: ReadonlyArray<NodeDifference>): ReadonlyArray<string> => {
  const groups = groupsOf(members, (each) => `${each.stageName}\n${ownText(each)}`);
  const lines = groups.slice(0, fewGroups).map(([, alike]) => {
    const [one] = alike;
    if (one === undefined) return "";
    const name = alike.length === 1 ? one.node : `${alike.length} × ${one.stageName}`;
    return `  ${padEnd(printableName(name), 24)} ${printableName(ownText(one))}${alike.length === 1 ? digestsText(one) : ""}`;
  });
  const left = groups.length - lines.length;
  return left === 0 ? lines : [...lines, `  and ${left} more`];
};

const ownText = ({ own, stage, old, new: now }: NodeDifference): string => {
  const text = own.map((difference) => reasonWords(difference, stage)).join("; ");
  if (own.length === 0) return "another result from the same settings and inputs";
  return old !== undefined && old === now ? `${text}; same result` : text;
};

const digestsText = ({ old, new: now }: NodeDifference): string =>
  old === undefined || now === undefined || old === now
    ? ""
    : `  (${shortDigest(old)} → ${shortDigest(now)})`;

const followText = (follow: ReadonlyArray<NodeDifference>): string =>
  `${plural(follow.length, "changed result")}: ${countsText(follow)}`;

const countsText = (members: ReadonlyArray<{ readonly stageName: string }>): string =>
  groupsOf(members, ({ stageName }) => stageName)
    .map(([stageName, { length }]) => (length === 1 ? stageName : `${length} × ${stageName}`))
    .join(", ");

const unmadeLines = (
  unmade: ReadonlyArray<NodeDifference>,
  { old, now }: Pick<Diff, "old" | "now">,
): ReadonlyArray<string> => {
  const lines = (
    [
      [old, "old"],
      [now, "new"],
    ] as const
  ).flatMap(([{ plan, failures }, side]) => {
    const missing = unmade.filter((each) => each[side] === undefined);
    if (missing.length === 0) return [];
    const failed = missing.filter(({ node }) => failures.has(node));
    return [
      `not made in ${plan.run}: ${countsText(missing)}`,
      ...failed
        .slice(0, fewNames)
        .map(({ node }) => printableName(`  ${node} failed: ${failures.get(node) ?? ""}`)),
    ];
  });
  return lines.length === 0 ? [] : ["", ...lines];
};

const onlyLines = (
  nodes: ReadonlyArray<{ readonly node: string }>,
  run: string,
): ReadonlyArray<string> => {
  if (nodes.length === 0) return [];
  const names = nodes.slice(0, fewNames).map(({ node }) => node);
  const more = nodes.length > names.length ? ` and ${nodes.length - names.length} more` : "";
  return [printableName(`only in ${run}: ${names.join(", ")}${more}`)];
};

const tableLines = (
  node: string,
  { changed, same, onlyOld, onlyNew }: TableDifference,
  style: Style,
): ReadonlyArray<string> => {
  const rows = changed.flatMap(rowCells);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...rows.map((cells) => width(cells[column] ?? ""))),
  );
  const lines = rows.map((cells) =>
    `  ${cells.map((cell, column) => (column === 4 ? cell : (column < 2 ? padEnd : padStart)(cell, widths[column] ?? 0))).join("  ")}`.trimEnd(),
  );
  const gone = [
    ...onlyOld.map(({ labels }) => `  ${labelsText(labels)} was removed`),
    ...onlyNew.map(({ labels }) => `  ${labelsText(labels)} was added`),
  ].map(printableName);
  return [
    "",
    style.bold(printableName(node)),
    ...lines,
    ...gone,
    `  ${plural(same, "row")} the same`,
    ...(changed.length === 0 ? [] : [style.dim(noteText)]),
  ];
};

const noteText =
  "  differences with Newcombe's 95 % intervals for independent samples; within noise: the interval contains 0";

/** Label, metric, old, new, difference. */
const rowCells = ({
  labels,
  pooled,
  metrics,
  f1,
}: RowDifference): ReadonlyArray<ReadonlyArray<string>> => {
  const name = labelsText(labels);
  const shown = printableName(
    pooled === undefined ? name : `${name === "" ? "all" : name} (${pooled} pooled)`,
  );
  const numbers = metrics
    .filter(({ old, new: now }) => old !== null || now !== null)
    .map((each) => [
      each.metric,
      proportionText(each.old),
      proportionText(each.new),
      differenceText(each),
    ]);
  const scores =
    f1.old === null && f1.new === null
      ? []
      : [["F1", f1.old?.toFixed(3) ?? "–", f1.new?.toFixed(3) ?? "–", f1Text(f1)]];
  return [...numbers, ...scores].map((cells, index) => [index === 0 ? shown : "", ...cells]);
};

const f1Text = ({ old, new: now }: RowDifference["f1"]): string =>
  old === null || now === null ? "" : signed(now - old);

const proportionText = (proportion: MetricDifference["old"]): string =>
  proportion === null
    ? "–"
    : `${proportion.value.toFixed(3)} [${proportion.low.toFixed(3)}, ${proportion.high.toFixed(3)}] n ${proportion.n}`;

const differenceText = ({ difference, withinNoise }: MetricDifference): string => {
  if (difference === undefined) return "";
  const { value, low, high } = difference;
  const interval = `${signed(value)} [${signed(low)}, ${signed(high)}]`;
  return withinNoise === true ? `${interval}  within noise` : interval;
};

const signed = (value: number): string => {
  const text = value.toFixed(3);
  if (Number(text) === 0) return "0.000";
  return value > 0 ? `+${text}` : text;
};
