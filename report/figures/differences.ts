/** Each contrast: its value, a line for its interval, and a circle for each seed. */
import { metrics } from "../analysis/Arms.ts";
import type { ArmContrast } from "../analysis/contrast.ts";
import { differencesPanel } from "./differencesPanel.ts";
import { pageColours, roomFor } from "./draw.ts";

export const differencesChart = (
  contrasts: ReadonlyArray<Pick<ArmContrast, "arm" | "metric" | "value" | "seeds" | "range">>,
  width: number,
): object => {
  const names = [...new Set(contrasts.map(({ arm }) => arm))];
  const shown = metrics.filter((metric) => contrasts.some((each) => each.metric === metric));
  const ends = contrasts.flatMap(({ value, seeds, range }) => [
    value,
    ...seeds,
    ...(range === undefined ? [] : [range.low, range.high]),
  ]);
  const domain = roomFor([0, ...ends]);
  return {
    hconcat: shown.map((metric, index) => {
      const rows = names.map((name) =>
        contrasts.find((each) => each.arm === name && each.metric === metric),
      );
      return {
        width,
        ...differencesPanel({
          names,
          rows: rows.map((row) => row ?? { value: null, seeds: [], range: undefined }),
          axis: { title: `difference in ${metric}`, tickCount: 4 },
          domain,
          rowHeight: 30,
          isFirst: index === 0,
          color: pageColours[metric],
          zeroColor: pageColours.quiet,
        }),
      };
    }),
  };
};
