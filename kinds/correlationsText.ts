/** Correlations for the terminal: per checkpoint, a line for each reward and target with the three readings. */
import type {
  Association,
  CorrelationPoint,
  Estimate,
  Reading,
  Readings,
} from "../schemas/Correlation.ts";
import { type Correlations, contrastTarget } from "./CorrelationsFile.ts";
import { type Cell, inlineText } from "./gridText.ts";
import { orderOfReadings, withinPublished } from "./orderOfReadings.ts";
import { padEnd, padStart, plural, printableName, width } from "./terminal.ts";
import type { Style } from "./terminal.ts";
import { labelsText } from "../schemas/labels.ts";

export const correlationsText = (made: Correlations, title: string, style: Style): string => {
  const { models = [] } = made;
  return [
    style.bold(printableName(title)),
    ...(models.length === 0 ? [] : [`model: ${printableName(models.join("; "))}`]),
    ...made.points.flatMap((point) => [...pointLines(point, style), ""]),
    ...orderLines(made),
    ...acrossLines(made, style),
    ...intervalLines(made).map(style.dim),
  ].join("\n");
};

export const readingNames = {
  pooled: "pooled",
  group_centred: "group-centred",
  prompt_means: "prompt means",
} as const;
const readings = Object.keys(readingNames) as ReadonlyArray<Reading>;

export const targetNames = {
  perception: "perception (a_p)",
  reasoning: "reasoning, own caption",
  counterfactual: "reasoning, counterfactual",
  [contrastTarget]: "reasoning (own) − perception",
} as const;

const pointLines = (point: CorrelationPoint, style: Style): ReadonlyArray<string> => {
  const rows = rowsOf(point);
  const cells = rows.map((row) => [
    ...row.names,
    ...readings.map((reading) =>
      row.readings.includes(reading) ? estimateText(row.estimates[reading]) : "",
    ),
    row.phiMax,
  ]);
  const header = ["reward", "with", ...Object.values(readingNames), "phi_max"];
  return [
    printableName(headline(point)),
    ...grid([header, ...cells], 2).map((line, index) => (index === 0 ? style.dim(line) : line)),
    ...point.associations.flatMap(tableLine),
    ...reasonLines(rows),
    ...(point.prompts < fewPrompts ? ["  – with so few prompts the intervals are too narrow"] : []),
  ];
};

/** With fewer prompts, 95 % bootstrap intervals cover about 92 % (test/stats/bootstrap.test.ts). */
const fewPrompts = 50;

interface Row {
  readonly names: readonly [reward: string, target: string];
  /** Counterfactual rollouts share only the prompt with the others, so they have prompt means alone. */
  readonly readings: ReadonlyArray<Reading>;
  readonly estimates: Readings;
  readonly phiMax: string;
}

/** The outcome's correlations are followed by their contrast; the surrogates' contrasts are in the files only. */
const rowsOf = ({ associations, contrasts }: CorrelationPoint): ReadonlyArray<Row> =>
  contrasts.flatMap((contrast) => [
    ...associations
      .filter(({ reward }) => reward === contrast.reward)
      .map((association): Row => ({
        names: [association.reward, targetNames[association.target]],
        readings: association.target === "counterfactual" ? ["prompt_means"] : readings,
        estimates: association,
        phiMax: association.table?.phi_max?.toFixed(2) ?? "",
      })),
    ...(contrast.reward === "outcome"
      ? [
          {
            names: ["outcome", targetNames[contrastTarget]],
            readings,
            estimates: contrast,
            phiMax: "",
          } as const,
        ]
      : []),
  ]);

const headline = (point: CorrelationPoint): string => {
  const { labels, rollouts, prompts, steps, means } = point;
  const forced = rollouts.counterfactual === 0 ? [] : [`${rollouts.counterfactual} counterfactual`];
  const span =
    steps.first === steps.last ? `step ${steps.first}` : `steps ${steps.first} to ${steps.last}`;
  const shares = [
    ["a", means.rewards["outcome"]],
    ["a_p", means.perception],
    ["consistent", means.reasoning],
    ["a_r", means.counterfactual],
  ] as const;
  return [
    ...(Object.keys(labels).length === 0 ? [] : [labelsText(labels)]),
    [`${rollouts.end_to_end} rollouts`, ...forced].join(" and "),
    plural(prompts, "prompt"),
    span,
    ...shares.map(([name, share]) => `${name} ${share?.value?.toFixed(3) ?? "–"}`),
  ].join(" · ");
};

const estimateText = (estimate: Estimate): string => inlineText(estimateCell(estimate));

export const estimateCell = ({ value, low, high }: Estimate): Cell => {
  if (value === null) return { text: "–" };
  return low === null || high === null
    ? { text: twoDigits(value) }
    : { text: twoDigits(value), under: `[${twoDigits(low)}, ${twoDigits(high)}]` };
};

const twoDigits = (value: number): string => value.toFixed(2).replace(/^-(?=0\.00$)/u, "");

/** The four counts behind the outcome's phi; those of the other rewards are in the files only. */
const tableLine = ({ reward, target, table }: Association): ReadonlyArray<string> => {
  if (table === null || reward !== "outcome") return [];
  const { both, only_reward, only_target, neither } = table;
  return [
    `  ${reward} × ${target}: both ${both}, only ${reward} ${only_reward}, only ${target} ${only_target}, neither ${neither}`,
  ];
};

/** The reasons for missing numbers and intervals, each once. */
const reasonLines = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const places = new Map<string, Array<string>>();
  for (const { names, estimates, ...row } of rows)
    for (const reading of row.readings) {
      const { value, reason } = estimates[reading];
      if (reason === null) continue;
      const sentence = value === null ? reason : `no interval: ${reason}`;
      const place = `${names.join(" with ")}, ${readingNames[reading]}`;
      places.set(sentence, [...(places.get(sentence) ?? []), place]);
    }
  return [...places].map(([sentence, [first = "", ...others]]) => {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    return printableName(`  – ${sentence} (${first}${more})`);
  });
};

/** Counts the checkpoints with the published order and those within the published ranges; nothing for a single one. */
export const orderLines = (made: Correlations): ReadonlyArray<string> => {
  const { points } = made;
  if (points.length < 2) return [];
  const orders = orderOfReadings(made).map(
    ({ target, reading, checkpoints, reasoningHigher, above, below }) => [
      `${targetNames[target]}, ${readingNames[reading]}`,
      `${reasoningHigher} of ${checkpoints}`,
      above === null ? "" : `interval above 0 in ${above}, below in ${below}`,
    ],
  );
  const { reasoning, perception, both } = withinPublished(made);
  const met =
    both.length === 0 ? "" : `: ${both.map(({ labels }) => labelsText(labels)).join("; ")}`;
  return [
    ...(orders.length === 0
      ? []
      : ["checkpoints where the outcome correlates more with reasoning than with perception"]),
    ...grid(orders, 3).map((line) => `  ${line}`),
    printableName(
      `within the published ranges: with reasoning ${reasoning.length}, with perception ${perception.length}, with both ${both.length} of ${points.length}${met}`,
    ),
    "",
  ];
};

const acrossLines = ({ points, across }: Correlations, style: Style): ReadonlyArray<string> => {
  if (points.length < 2) return [];
  const cells = across.map(({ reward, target, checkpoints, spearman }) => [
    reward,
    targetNames[target],
    String(checkpoints),
    estimateText(spearman),
  ]);
  const reasons = ["", ...across.map(({ spearman }) => spearman.reason ?? "")];
  const header = ["reward", "with", "checkpoints", "Spearman"];
  return [
    "rank correlation of checkpoint means; the intervals cover other prompts, not other trainings",
    ...grid([header, ...cells], 2)
      .map((line, index) => printableName(`${line}  ${reasons[index] ?? ""}`.trimEnd()))
      .map((line, index) => (index === 0 ? style.dim(line) : line)),
    "",
  ];
};

/** The targets of the tables' column `with`. */
export const targetNote =
  "perception: the caption is p*; reasoning: the answer follows from the response's own caption; counterfactual: right answers to the same prompt, given p*.";

/** How the intervals are made, and the published numbers to compare with. */
export const intervalLines = ({ published, interval }: Correlations): ReadonlyArray<string> => {
  const range = ({ low, high }: { readonly low: number; readonly high: number }) =>
    `${low.toFixed(2)} to ${high.toFixed(2)}`;
  return [
    `95 % intervals: ${interval.method}, ${interval.resamples} resamples of ${interval.clusters}. Group-centred is the variation that GRPO sees.`,
    `published (${published.source}): outcome with reasoning ${range(published.outcome_with_reasoning)}, with perception ${range(published.outcome_with_perception)};`,
    `compare with it: outcome, ${published.reading}, ${targetNames[published.target_of_reasoning]}.`,
    published.note,
  ];
};

/** The first `names` columns are names, the others numbers. */
const grid = (rows: ReadonlyArray<ReadonlyArray<string>>, names: number): ReadonlyArray<string> => {
  const printed = rows.map((cells) => cells.map(printableName));
  const widths = (printed[0] ?? []).map((_, column) =>
    Math.max(...printed.map((cells) => width(cells[column] ?? ""))),
  );
  return printed.map((cells) =>
    cells
      .map((cell, column) => (column < names ? padEnd : padStart)(cell, widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
};
