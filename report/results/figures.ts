/** The figures of a page: the SVG and its description in words. */
import { armName } from "./Arms.ts";
import {
  accuraciesCaption,
  axesCaption,
  correlationsCaption,
  curvesCaption,
  differencesCaption,
  surrogatesCaption,
} from "./captions.ts";
import { differencesNamed } from "./differences.ts";
import { differingAxes } from "./figures/axes.ts";
import * as charts from "./figures/charts.ts";
import { finished } from "../files/finished.ts";
import { draw } from "../figures/draw.ts";
import { surrogatesChart } from "./figures/surrogates.ts";
import type { Page } from "./Page.ts";
import type { Figure } from "./Study.ts";

export interface Drawn {
  readonly svg: string;
  /** The alternative text. */
  readonly alternative: string;
  readonly caption: string;
}

export const drawFigure = async (page: Page, figure: Figure): Promise<Drawn> => {
  const { chart, alternative, caption } = describe(page, figure);
  const captions = [caption, axesCaption(differingAxes(chart))].filter((text) => text !== "");
  return { svg: finished(await draw(chart, "results")), alternative, caption: captions.join(" ") };
};

const describe = (page: Page, figure: Figure) => {
  switch (figure.show) {
    case "accuracies":
      return {
        chart: charts.accuracies(page, figure),
        alternative: `a, a_p and a_r over ${figure.x}`,
        caption: accuraciesCaption(page, figure.arms, true),
      };
    case "differences": {
      const differences = differencesNamed(page, figure.differences);
      return {
        chart: charts.differences(page, figure.differences),
        alternative: `differences to ${armName(differences.axis, differences.baseline)}`,
        caption: differencesCaption(page, differences, true),
      };
    }
    case "correlations":
      return {
        chart: charts.correlations(page, figure),
        alternative: "correlations of rewards with reasoning and with perception",
        caption: correlationsCaption(page, page.correlations(figure.of), true),
      };
    case "surrogates": {
      const differences = differencesNamed(page, figure.differences);
      return {
        chart: surrogatesChart(page, figure),
        alternative: "what surrogates brought over their correlation with perception",
        caption: surrogatesCaption(page, figure.of, differences, true),
      };
    }
    case "curves": {
      const arms = charts.curveArms(page, figure);
      return {
        chart: charts.curves(arms, figure),
        alternative: `${Object.values(figure.values).join(", ")} over the steps of the training`,
        caption: curvesCaption(page, figure, arms),
      };
    }
  }
};
