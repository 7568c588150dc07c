/** The figures, drawn when the page is made. */
import { draw } from "../figures/draw.ts";
import type { Figure } from "../figures/Figure.ts";
import { reportFigures } from "../figures/reportFigures.ts";
import type { TrainingFigures } from "../figures/runFigures.ts";
import type { Comparison } from "../analysis/comparisons.ts";
import type { ReportData } from "../ReportData.ts";
import { block, html, Html } from "./html.ts";

export interface DrawnFigures {
  readonly figures: ReadonlyArray<Html>;
  /** Sentences on data that no figure shows. */
  readonly omitted: ReadonlyArray<string>;
  readonly trainings: ReadonlyArray<Html>;
  /** For each run. */
  readonly timelines: ReadonlyArray<ReadonlyArray<Html>>;
}

export const drawAll = async (
  data: ReportData,
  comparisons: ReadonlyArray<Comparison>,
): Promise<DrawnFigures> => {
  const { numbers, trainings, timelines } = reportFigures(data, comparisons);
  return {
    figures: await Promise.all(numbers.figures.map(drawn)),
    omitted: numbers.omitted,
    trainings: await Promise.all(trainings.map(trainingSection)),
    timelines: await Promise.all(timelines.map((own) => Promise.all(own.map(drawn)))),
  };
};

/** A layer without data: Vega gives it the role of an image, and no name for who can't see it. */
const emptyMark = /<g class="mark-[^>]*\/>/gu;

const drawn = async ({ chart, width, alternative, caption }: Figure): Promise<Html> => {
  const svg = (await draw(chart(width), "page")).replaceAll("\n", "").replaceAll(emptyMark, "");
  return html`${block(`figure ${alternative}`)}
    <figure>
      <div class="scroll" tabindex="0" role="group" aria-label="${alternative}">
        ${new Html(svg)}
      </div>
      <figcaption>${caption}</figcaption>
    </figure>`;
};

const trainingSection = async ({ stageName, figures, omitted }: TrainingFigures): Promise<Html> =>
  html`${block(`training ${stageName}`)}
    <h3>${stageName}</h3>
    <p class="note">
      Thin lines are single trainings as logged; strong lines the mean of an arm's seeds, smoothed
      over a tenth of the steps. ${omitted.join(" ")}
    </p>
    <div class="panels">${await Promise.all(figures.map(drawn))}</div>`;
