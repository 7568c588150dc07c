/** The figures of one run that compare no arms: correlations of rewards, metrics of programs, its trainings, and its attempts in time. */
import type { Correlations } from "../../kinds/CorrelationsFile.ts";
import type { Measurements } from "../../kinds/MeasurementsFile.ts";
import type { RunData, Training } from "../ReportData.ts";
import { correlationRows, correlationsChart, mostRows } from "./correlations.ts";
import { curvesChart, mostLetters, mostLines } from "./curves.ts";
import {
  cutNote,
  type Figure,
  type FigureGroup,
  fileName,
  joined,
  omittedNames,
} from "./Figure.ts";
import { measuredAxes, measurementsChart } from "./measurements.ts";
import { isLost, mostBars, timelineChart } from "./timeline.ts";

export const correlationFigures = ({ run, numbers }: RunData): FigureGroup =>
  joined(
    numbers.map(({ node, numbers: { json } }) => {
      const { correlations } = json as { readonly correlations?: Correlations };
      return correlations === undefined ? nothing : correlationGroup(run, node, correlations);
    }),
  );

const nothing: FigureGroup = { figures: [], omitted: [] };

const correlationGroup = (run: string, node: string, correlations: Correlations): FigureGroup => {
  const rows = correlationRows(correlations);
  if (rows.length === 0) return nothing;
  if (rows.length > mostRows)
    return {
      figures: [],
      omitted: [
        `${node}: no figure of its ${rows.length} rewards and points; at most ${mostRows} are legible.`,
      ],
    };
  const hasSeeds = rows.some(({ lines }) => lines.some(({ estimates }) => estimates.length > 1));
  return {
    omitted: [],
    figures: [
      {
        name: fileName(run, node, "correlations"),
        alternative: `correlations of rewards in ${node}`,
        caption: [
          `${node}: correlation of each reward with reasoning (the answer follows from the response's own caption) and with perception.`,
          hasSeeds
            ? "Dots are means over seeds, circles single seeds."
            : "Lines are 95 % intervals over prompts.",
          `Shaded: what ${correlations.published.source} reports of the outcome.`,
          ...cutNote(
            node,
            rows.map(({ name }) => name),
          ),
        ].join(" "),
        chart: (width) => correlationsChart(rows, correlations.published, width),
        plots: 2,
        width: 240,
      },
    ],
  };
};

export const measurementFigures = ({ run, numbers }: RunData): FigureGroup =>
  joined(
    numbers.map(({ node, numbers: { json } }) => {
      const { measurements } = json as { readonly measurements?: Measurements };
      return measurements === undefined ? nothing : measurementGroup(run, node, measurements);
    }),
  );

const measurementGroup = (run: string, node: string, measurements: Measurements): FigureGroup => {
  const axes = measuredAxes(measurements);
  if (axes === undefined) return nothing;
  const { metrics } = measurements;
  const repeated = measurements.pooledOver.join(", ");
  return {
    omitted: omittedNames(node, "metric", metrics.slice(mostPanels)),
    figures: metrics.slice(0, mostPanels).map((metric): Figure => ({
      name: fileName(run, node, metric),
      alternative: `${metric} over ${axes.over}`,
      caption: `${node}: ${metric} over ${axes.over}.${repeated === "" ? "" : ` Dots are means over ${repeated} with 95 % intervals (Student), circles single values.`}${axes.left === 0 ? "" : ` ${axes.left} further lines are not drawn.`}`,
      chart: (width) => measurementsChart(measurements, axes, metric, width),
      plots: 1,
      width: 420,
    })),
  };
};

export const timelineFigures = ({ run, attempts }: RunData): ReadonlyArray<Figure> =>
  attempts.length === 0
    ? []
    : [
        {
          name: fileName(run, "timeline"),
          alternative: `the attempts of ${run} in time`,
          caption: `The work of this run: a bar for each attempt at a node${attempts.some(isLost) ? ", with a red mark at its end where it made no result" : ""}. Reused results have none.${attempts.length > mostBars ? ` Only the ${mostBars} longest are drawn.` : ""}`,
          chart: (width) => timelineChart(attempts, width),
          plots: 1,
          width: 900,
        },
      ];

/** Metrics in words; the order is that of the page, and metrics that are not named here follow. */
const metricTitles: Readonly<Record<string, string>> = {
  loss: "loss",
  L_p: "L_p: loss on the caption, nat a token",
  L_r: "L_r: loss on the rest, nat a token",
  reward: "reward",
  outcome: "a: share of right answers among the responses sampled",
  perception: "a_p: share of right captions among them",
  surprise: "entropy: mean −log π of the tokens learned from, nat",
  tokens: "length of a response, tokens",
  finished: "share of responses that end by themselves",
  groups: "groups sampled",
  alive: "share of groups that compare: rewards not all equal",
  learned_from: "responses learned from",
  kl: "KL from the start, nat a token",
  clipped: "share of tokens whose ratio is outside the clip",
  val_a: "a on validation pictures",
  val_a_p: "a_p on validation pictures",
  val_a_r: "a_r on validation pictures",
  lambda: "λ: weight of the caption's loss",
  token_share_p: "caption's share of the tokens",
  loss_share_p: "caption's share of the weighted loss",
  grad_share_p: "caption's share of the weighted gradients' norms",
  grad_norm: "norm of the gradient before clipping",
  grad_norm_p: "norm of the caption's gradient",
  grad_norm_r: "norm of the rest's gradient",
  grad_norm_vision: "norm of the gradient in the vision tower",
  grad_norm_text: "norm of the gradient in the language model",
};

const mostPanels = 16;

/** The trainings of one stage: a figure for each metric that changes. */
export interface TrainingFigures extends FigureGroup {
  readonly stageName: string;
}

export const trainingFigures = ({ run, trainings }: RunData): ReadonlyArray<TrainingFigures> =>
  [...Map.groupBy(trainings, (training) => training.stageName)].map(([stageName, own]) => {
    const all = armsOf(own);
    const arms = all.slice(0, mostLines);
    const shown = arms.flatMap((arm) => arm.trainings);
    const names = new Set(
      shown.flatMap(({ steps }) => steps.flatMap(({ values }) => Object.keys(values))),
    );
    const known = Object.keys(metricTitles).filter((name) => names.has(name));
    const metrics = [...known, ...[...names].filter((name) => !known.includes(name)).toSorted()];
    const changing = metrics.filter((name) => changes(shown, name));
    const figures = changing.slice(0, mostPanels).map((metric): Figure => ({
      name: fileName(run, stageName, metric),
      alternative: `${metric} over the steps of ${stageName}`,
      caption: metricTitles[metric] ?? metric,
      chart: (width) => curvesChart(arms, metric, width),
      plots: 1,
      width: 210,
    }));
    const omitted = [
      ...omittedNames(
        stageName,
        "arm",
        all.slice(mostLines).map(({ name }) => name),
      ),
      ...omittedNames(stageName, "metric", changing.slice(mostPanels)),
      ...cutNote(
        stageName,
        arms.map(({ name }) => name),
        mostLetters,
      ),
    ];
    return { stageName, figures, omitted };
  });

const changes = (trainings: ReadonlyArray<Training>, metric: string): boolean =>
  new Set(trainings.flatMap(({ steps }) => steps.flatMap(({ values }) => values[metric] ?? [])))
    .size > 1;

/** Trainings by all labels except the seed. */
const armsOf = (trainings: ReadonlyArray<Training>) => {
  const nameOf = ({ labels }: Training) =>
    Object.entries(labels)
      .filter(([axis]) => axis !== "seed")
      .map(([axis, label]) => (Number.isNaN(Number(label)) ? label : `${axis} ${label}`))
      .join(" · ");
  return [...Map.groupBy(trainings, nameOf)].map(([name, own]) => ({ name, trainings: own }));
};
