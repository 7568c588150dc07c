/** Each arm minus the baseline: the mean, its interval, and every seed. */
import { differencesPanel } from "../../../report/figures/differencesPanel.ts";
import { colours, metricNames, roomFor } from "../../../report/figures/draw.ts";
import { armName } from "../Arms.ts";
import { differencesNamed } from "../differences.ts";
import type { Page } from "../Page.ts";

const fullWidth = 690;

export const differencesChart = (page: Page, name: string): object => {
  const { differences, axis, baseline } = differencesNamed(page, name);
  const shown = [...new Set(differences.map(({ metric }) => metric))];
  const arms = [...new Set(differences.map(({ arm }) => arm))];
  return {
    hconcat: shown.map((metric, index) => {
      const found = arms.map((arm) =>
        differences.find((each) => each.arm === arm && each.metric === metric),
      );
      const rows = found.map((each) => {
        const { mean: value = null, low = null, high = null, seeds = [] } = each ?? {};
        return {
          value,
          seeds: seeds.map((seed) => seed.value),
          range: low === null || high === null ? undefined : { low, high },
        };
      });
      const ends = [
        0,
        ...rows.flatMap(({ value, seeds, range }) => [
          ...(value === null ? [] : [value]),
          ...seeds,
          ...(range ? [range.low, range.high] : []),
        ]),
      ];
      return {
        title: metricNames[metric],
        width: Math.round(fullWidth / shown.length) - 30,
        ...differencesPanel({
          names: arms.map((arm) => armName(axis, arm)),
          rows,
          axis: { title: `${metric} − ${metric} of ${armName(axis, baseline)}`, tickCount: 5 },
          domain: roomFor(ends),
          rowHeight: 34,
          isFirst: index === 0,
          color: colours[metric],
          zeroColor: "#666666",
        }),
      };
    }),
  };
};
