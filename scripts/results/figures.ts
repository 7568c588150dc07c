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
import { accuraciesChart } from "./figures/accuracies.ts";
import { differingAxes } from "./figures/axes.ts";
import { correlationsChart } from "./figures/correlations.ts";
import { curvesChart } from "./figures/curves.ts";
import { differencesChart } from "./figures/differences.ts";
import { draw } from "../../report/figures/draw.ts";
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
  return { svg: await draw(chart), alternative, caption: captions.join(" ") };
};

const describe = (page: Page, figure: Figure) => {
  switch (figure.show) {
    case "accuracies":
      return {
        chart: accuraciesChart(page, figure),
        alternative: `a, a_p and a_r over ${figure.x}`,
        caption: accuraciesCaption(page, figure.arms, true),
      };
    case "differences": {
      const differences = differencesNamed(page, figure.differences);
      return {
        chart: differencesChart(page, figure.differences),
        alternative: `differences to ${armName(differences.axis, differences.baseline)}`,
        caption: differencesCaption(page, differences, true),
      };
    }
    case "correlations":
      return {
        chart: correlationsChart(page, figure),
        alternative: "correlations of rewards with reasoning and with perception",
        caption: correlationsCaption(page, figure.of, true),
      };
    case "surrogates": {
      const differences = differencesNamed(page, figure.differences);
      return {
        chart: surrogatesChart(page, figure),
        alternative: "what surrogates brought over their correlation with perception",
        caption: surrogatesCaption(page, figure.of, differences, true),
      };
    }
    case "curves":
      return {
        chart: curvesChart(page, figure),
        alternative: `${Object.values(figure.values).join(", ")} over the steps of the training`,
        caption: curvesCaption(page, figure),
      };
  }
};
