/**
 * Stage `summarize`: a, a_p and a_r for each point and pooled over seeds, with intervals that know shared instances and runs;
 * what `a` is made of; and the contrasts that the experiment names.
 */
import { Schema } from "effect";
import { difficultyAxis } from "../kinds/TableFile.ts";
import { byDefault } from "../schemas/byDefault.ts";
import { NotNegative, PositiveNumber } from "../schemas/numbers.ts";
import { defaultPool } from "./pooling.ts";
import { type ParamsProblem, stage, type Surroundings, type UnknownParamsName } from "./Stage.ts";

const Metric = Schema.Literals(["a", "a_p", "a_r"]);

const Compare = Schema.Struct({
  axis: Schema.String.annotate({ description: "the axis whose labels are compared" }),
  baseline: Schema.String.annotate({ description: "the label that the arms are compared with" }),
  arms: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.String).annotate({
      description: "the labels that are compared; left out: every other one",
    }),
  ),
  metric: Metric.annotate({
    description: "the accuracy of the primary contrasts; Holm's p-values are over these alone",
  }).pipe(byDefault("a")),
  secondary: Schema.Array(Metric)
    .annotate({ description: "further accuracies, compared without Holm's adjustment" })
    .pipe(byDefault([])),
  margin: Schema.optionalKey(
    PositiveNumber.annotate({
      description:
        "a difference that does not matter: tests that an arm is not worse by it, or equivalent; left out: no such tests",
    }),
  ),
});
export type Compare = typeof Compare.Type;

const Params = Schema.Struct({
  difficulty: Schema.optionalKey(
    Schema.NonEmptyArray(NotNegative).annotate({
      description:
        "rows for each bucket of instances by their edges or blanks, of which these are the upper bounds: [7, 9] is to 7, 8 to 9 and 10 on; needs the input `data`; left out: no buckets",
    }),
  ),
  pool: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "axes that the pooled rows pool over; left out: `seed`",
    }),
  ),
  compare: Schema.optionalKey(
    Compare.annotate({ description: "the contrasts that the experiment is about; left out: none" }),
  ),
});
type Params = typeof Params.Type;

const difficultyProblems = (
  { difficulty }: Params,
  { inputs, axes }: Surroundings,
): ReadonlyArray<ParamsProblem> => {
  if (difficulty === undefined) return [];
  const late = difficulty.findIndex((bound, index) => bound <= (difficulty[index - 1] ?? -1));
  return [
    ...(inputs.includes("data")
      ? []
      : [
          {
            path: [difficultyAxis],
            message: "the difficulty of the instances is not known without their data set",
            expected: "an input `data` beside `scores`",
          },
        ]),
    ...(axes.includes(difficultyAxis)
      ? [
          {
            path: [difficultyAxis],
            message: `the experiment has an axis \`${difficultyAxis}\``,
            expected: "another name for that axis",
          },
        ]
      : []),
    ...(late < 0
      ? []
      : [
          {
            path: [difficultyAxis, late],
            message: `the bound ${difficulty[late]} comes after ${difficulty[late - 1]}`,
            expected: "bounds that rise",
          },
        ]),
  ];
};

const check = (
  params: Params,
  around: Surroundings,
): ReadonlyArray<UnknownParamsName | ParamsProblem> => [
  ...difficultyProblems(params, around),
  ...nameProblems(params, around),
];

const nameProblems = (
  { pool, compare }: Params,
  { axes, labels, overridden }: Surroundings,
): ReadonlyArray<UnknownParamsName | ParamsProblem> => {
  const unknownAxis = (name: string, path: ReadonlyArray<PropertyKey>) =>
    axes.includes(name) ? [] : [{ path, what: "axis of the scores", name, valid: axes }];
  const unknownPools = (pool ?? []).flatMap((name, index) => unknownAxis(name, ["pool", index]));
  if (compare === undefined) return unknownPools;
  const { axis, baseline, arms = [], metric, secondary } = compare;
  if (!axes.includes(axis)) return [...unknownPools, ...unknownAxis(axis, ["compare", "axis"])];
  const valid = labels[axis] ?? [];
  const named = [
    { name: baseline, path: ["compare", "baseline"] },
    ...arms.map((name, index) => ({ name, path: ["compare", "arms", index] })),
  ];
  return [
    ...unknownPools,
    ...named.flatMap(({ name, path }) =>
      valid.includes(name) || overridden.includes(axis)
        ? []
        : [{ path, what: `label of \`${axis}\``, name, valid }],
    ),
    ...repeated(arms, baseline, ["compare", "arms"]),
    ...repeated(secondary, metric, ["compare", "secondary"]),
    ...((pool ?? defaultPool).includes(axis)
      ? [
          {
            path: ["compare", "axis"],
            message: `\`${axis}\` is pooled over`,
            expected: "an axis whose labels are arms",
          },
        ]
      : []),
  ];
};

/** A name that stands in the list twice, or is `other`. */
const repeated = (
  names: ReadonlyArray<string>,
  other: string,
  path: ReadonlyArray<PropertyKey>,
): ReadonlyArray<ParamsProblem> =>
  names.flatMap((name, index) =>
    name === other || names.indexOf(name) < index
      ? [
          {
            path: [...path, index],
            message: `\`${name}\` is compared already`,
            expected: "each name once",
          },
        ]
      : [],
  );

export const Summarize = stage({
  name: "summarize",
  version: 3,
  summary: "tabulates scores point by point and pooled, with intervals and contrasts",
  example: `table: { use: summarize, from: { scores: { all: scores } } }`,
  params: Params,
  inputs: {
    scores: { kinds: ["scores"], many: true },
    data: {
      kinds: ["dataset"],
      optional: true,
      reader: {
        param: "the param `difficulty`",
        isSet: ({ difficulty }: Params) => difficulty !== undefined,
      },
    },
  },
  output: "table",
  check,
});
