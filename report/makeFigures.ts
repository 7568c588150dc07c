/** Makes the figures of a run's report as files for a paper. */
import { comparisonsOf } from "./analysis/comparisons.ts";
import { drawForPaper } from "./files/drawForPaper.ts";
import { type Format, formats } from "./files/formats.ts";
import { joined } from "./figures/Figure.ts";
import { reportFigures } from "./figures/reportFigures.ts";
import type { ReportData } from "./ReportData.ts";

export interface FigureFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface FigureFiles {
  readonly files: ReadonlyArray<FigureFile>;
  /** Sentences on data that are not drawn. */
  readonly omitted: ReadonlyArray<string>;
}

/** Files of all figures. If two have one name, as of the metrics `p50 ms` and `p50-ms`, the second ends in `-2`. */
export const figureFiles = async (
  data: ReportData,
  asked: ReadonlyArray<Format>,
): Promise<FigureFiles> => {
  const date = data.runs[0]?.took?.begun ?? "";
  const { numbers, trainings, timelines } = reportFigures(data, comparisonsOf(data));
  const { figures: drawn, omitted } = joined([numbers, ...trainings]);
  const figures = [...drawn, ...timelines.flat()];
  const times = new Map<string, number>();
  const files: Array<FigureFile> = [];
  for (const figure of figures) {
    const drawing = await drawForPaper(figure, date);
    const time = (times.get(figure.name) ?? 0) + 1;
    times.set(figure.name, time);
    const name = time === 1 ? figure.name : `${figure.name}-${time}`;
    for (const format of asked)
      files.push({ name: `${name}.${format}`, bytes: await formats[format](drawing) });
  }
  return { files, omitted };
};
