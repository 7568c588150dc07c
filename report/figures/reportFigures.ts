/** All figures of a report, by the section they stand in: the page draws them, and `pipe figures` makes files of them. */
import type { Comparison } from "../analysis/comparisons.ts";
import type { ReportData } from "../ReportData.ts";
import { comparisonFigures } from "./comparisonFigures.ts";
import { type Figure, type FigureGroup, joined } from "./Figure.ts";
import {
  correlationFigures,
  measurementFigures,
  timelineFigures,
  type TrainingFigures,
  trainingFigures,
} from "./runFigures.ts";

export interface ReportFigures {
  readonly numbers: FigureGroup;
  readonly trainings: ReadonlyArray<TrainingFigures>;
  /** For each run. */
  readonly timelines: ReadonlyArray<ReadonlyArray<Figure>>;
}

export const reportFigures = (
  { runs }: ReportData,
  comparisons: ReadonlyArray<Comparison>,
): ReportFigures => ({
  numbers: joined([
    ...comparisons.map(comparisonFigures),
    ...runs.map(correlationFigures),
    ...runs.map(measurementFigures),
  ]),
  trainings: runs.flatMap(trainingFigures),
  timelines: runs.map(timelineFigures),
});
