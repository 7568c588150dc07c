/** The param `steps` of stages that read rollouts: those of a span of training steps. */
import { Schema } from "effect";
import { NotNegative } from "../schemas/numbers.ts";
import type { ParamsProblem } from "./Stage.ts";

export const RolloutSteps = Schema.optionalKey(
  Schema.Struct({
    first: NotNegative.annotate({ description: "first step" }),
    last: NotNegative.annotate({ description: "last step, included" }),
  }).annotate({
    description: "only the rollouts of these training steps; left out: all",
  }),
);

export interface WithSteps {
  readonly steps?: { readonly first: number; readonly last: number };
}

export const noSteps = ({ steps }: WithSteps): ReadonlyArray<ParamsProblem> =>
  steps === undefined || steps.first <= steps.last
    ? []
    : [
        {
          path: ["steps", "first"],
          message: `the range of steps ${steps.first} to ${steps.last} is empty`,
          expected: `at most \`last\`, ${steps.last}`,
        },
      ];
