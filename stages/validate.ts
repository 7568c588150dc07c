/** The param `validate` of the stages that train: accuracies on held-out pictures along the way (`trainers/validation.py`). */
import { Schema } from "effect";
import { byDefault } from "../schemas/byDefault.ts";
import { Positive } from "../schemas/numbers.ts";
import { splitNames } from "../tasks/split.ts";
import type { ParamsProblem, Upstream } from "./Stage.ts";
import { splitRows } from "./splitRows.ts";

const Validate = Schema.NullOr(
  Schema.Struct({
    every: Positive.annotate({ description: "measures after every n-th step" }),
    limit: Schema.NullOr(Positive)
      .annotate({ description: "only the first rows of the split; null: all" })
      .pipe(byDefault(200)),
    split: Schema.Literals(splitNames)
      .annotate({ description: "the split whose pictures are answered" })
      .pipe(byDefault("validation")),
  }),
);

type Validate = typeof Validate.Type;

export const validateParam = Validate.annotate({
  description:
    "measures a, a_p and a_r on held-out pictures while it trains, for the metrics val_a, val_a_p and val_a_r; val_a_p alone where `sft` learns captions alone",
}).pipe(byDefault(null));

/** The data set that a validation reads must render its split. */
export const checkValidation = (
  { validate }: { readonly validate: Validate },
  { name, stage, params }: Upstream,
): ReadonlyArray<ParamsProblem> => {
  if (validate === null || stage !== "render") return [];
  const { split } = validate;
  return splitRows({ stage, params }, split) === undefined
    ? [
        {
          path: ["validate"],
          message: `\`${name}\` renders no split \`${split}\``,
          expected: `\`splits: { ${split}: 200 }\` in \`${name}\`, or another \`split\``,
        },
      ]
    : [];
};

/** A stage whose training data are no pictures to validate on has an input for them. */
export const validationInput = "validation";

export const validationInputProblems = (
  { validate }: { readonly validate: Validate },
  inputs: ReadonlyArray<string>,
): ReadonlyArray<ParamsProblem> => {
  const hasInput = inputs.includes(validationInput);
  if ((validate !== null) === hasInput) return [];
  return [
    {
      path: ["validate"],
      message: hasInput
        ? `the input \`${validationInput}\` is read by \`validate\` alone, which is not set`
        : "`validate` has no pictures: transcripts are of training ones",
      expected: hasInput
        ? `\`validate: { every: 100 }\`, or no \`${validationInput}\` under \`from\``
        : `an input under \`from\`: \`${validationInput}: data\`, where \`data\` is the data set`,
    },
  ];
};
