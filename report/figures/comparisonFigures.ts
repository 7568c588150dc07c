/** The figures of a comparison: accuracies and the frontier of each run's arms, and the differences. */
import type { ArmSet } from "../analysis/Arms.ts";
import type { Comparison } from "../analysis/comparisons.ts";
import { accuraciesChart } from "./accuracies.ts";
import { differencesChart } from "./differences.ts";
import { cutNote, type Figure, type FigureGroup, fileName } from "./Figure.ts";
import { frontierChart } from "./frontier.ts";

/** Charts of more arms are unreadable. */
const mostArms = 30;

export const comparisonFigures = ({ node, sets, contrasts, baseline }: Comparison): FigureGroup => {
  const legible = sets.filter(({ arms }) => arms.length <= mostArms);
  const nameOf = ({ run }: ArmSet) => (sets.length > 1 ? `${run} · ${node}` : node);
  return {
    omitted: sets
      .filter((set) => !legible.includes(set))
      .map(
        (set) =>
          `${nameOf(set)}: no figures of its ${set.arms.length} arms; at most ${mostArms} are legible.`,
      ),
    figures: [
      ...legible.flatMap((set) => armFigures(set, nameOf(set))),
      ...(contrasts.length > 0 && legible.length === sets.length
        ? [
            {
              name: fileName(node, "differences"),
              alternative: `differences to ${baseline}`,
              caption: [
                `${node}: differences to ${baseline}, paired by seed and picture, with 95 % intervals${seedsNote(sets[0]!)}.`,
                ...cutNote(
                  node,
                  contrasts.map(({ arm }) => arm),
                ),
              ].join(" "),
              chart: (width: number) => differencesChart(contrasts, width),
              plots: new Set(contrasts.map(({ metric }) => metric)).size,
              width: 180,
            },
          ]
        : []),
    ],
  };
};

const armFigures = (set: ArmSet, of: string): ReadonlyArray<Figure> => {
  const frontier = frontierChart(set);
  return [
    {
      name: fileName(of, "accuracies"),
      alternative: `a, a_p and a_r of each arm of ${of}`,
      caption: [
        `${of}: accuracies on one scale. Dots are pooled over seeds, bars their intervals${seedsNote(set)}${bandsNote(set)}.`,
        ...cutNote(
          of,
          set.arms.map(({ name }) => name),
        ),
      ].join(" "),
      chart: (width) => accuraciesChart(set, width),
      plots: 1,
      width: 460,
    },
    ...(frontier === undefined
      ? []
      : [
          {
            name: fileName(of, "frontier"),
            alternative: `perception against reasoning for each arm of ${of}`,
            caption: `${of}: perception against reasoning. Up and to the right is better in both${seedsNote(set)}.`,
            chart: frontier,
            plots: 1,
            width: 320,
          },
        ]),
  ];
};

const hasSeeds = ({ arms }: ArmSet): boolean => arms.some(({ seeds }) => seeds.length > 1);

const seedsNote = (set: ArmSet): string => (hasSeeds(set) ? ", circles single seeds" : "");

const bandsNote = (set: ArmSet): string =>
  hasSeeds(set) ? ", bands reach from the lowest seed to the highest" : "";
