/** The table of the first step at which a training's values are above a level, seed by seed. */
import { passesCaption } from "./captions.ts";
import { curveArms } from "./figures/charts.ts";
import { markdownTable, none } from "./numbers.ts";
import type { Page } from "./Page.ts";
import type { PageTable } from "./Study.ts";

export const passes = (
  page: Page,
  table: Extract<PageTable, { readonly show: "passes" }>,
): string => {
  const arms = curveArms(page, table);
  const names = Object.values(table.values);
  const seeds = [...new Set(arms.flatMap(({ trainings }) => trainings.map(({ node }) => node)))];
  const rows = table.levels.flatMap((level) =>
    arms.map(({ name, trainings }) => {
      const firsts = trainings.map(({ steps }) =>
        Object.keys(table.values).map(
          (metric) =>
            steps.find(({ values }) => (values[metric] ?? Number.NEGATIVE_INFINITY) > level)
              ?.step ?? null,
        ),
      );
      const stepsOf = (value: number) => firsts.map((of) => of[value] ?? none).join(" ");
      return [
        String(level),
        name,
        ...names.map((_, value) => stepsOf(value)),
        firsts.map((of) => earliest(of, names)).join(", "),
      ];
    }),
  );
  const bySeed = seeds.length > 1 ? `, by seed (${seeds.join(", ")})` : "";
  const heading = [
    "level",
    "training",
    ...names.map((name) => `first step of ${name} above it${bySeed}`),
    "first, by seed",
  ];
  return `${markdownTable(heading, rows)}\n\n${passesCaption(page, table)}`;
};

/** The names of the values with the least step. */
const earliest = (steps: ReadonlyArray<number | null>, names: ReadonlyArray<string>): string => {
  const least = Math.min(...steps.map((step) => step ?? Number.POSITIVE_INFINITY));
  const first = names.filter((_, value) => steps[value] === least);
  return first.length === 0 ? none : first.join(" and ");
};
