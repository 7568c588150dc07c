/**
 * Stage `groups`: chances of k responses to a prompt, for k = 1, 2, 4, … up to the size of the smallest group, counted in the groups that
 * `rollout` or the training of a model sampled. Each is a mean over groups of the probability that
 *
 * - `pass@k`: one of them is right;
 * - `best@k REWARD`: the one with the greatest reward is right, one of equals drawn at random;
 * - `differ@k REWARD`: their rewards are not all equal, so that GRPO has something to compare.
 */
import { Schema } from "effect";
import { noSteps, RolloutSteps } from "./rolloutSteps.ts";
import { type ParamsProblem, stage, type Surroundings, type UnknownParamsName } from "./Stage.ts";

/** The axis of the number of responses, beside those of the experiment. */
export const responsesAxis = "k";

const Params = Schema.Struct({
  rewards: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.NonEmptyString).check(Schema.isUnique()).annotate({
      description:
        "names of rewards as rollouts have them, such as perception, blind_solve, teacher_f1; left out: all",
    }),
  ),
  steps: RolloutSteps,
  pool: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "axes of repetitions, over which means are taken; left out: `seed`",
    }),
  ),
});
type Params = typeof Params.Type;

const axisProblems = (
  { pool = [] }: Params,
  { axes }: Surroundings,
): ReadonlyArray<UnknownParamsName | ParamsProblem> => [
  ...pool.flatMap((name, index) =>
    axes.includes(name)
      ? []
      : [{ path: ["pool", index], what: "axis of the rollouts", name, valid: axes }],
  ),
  ...(axes.includes(responsesAxis)
    ? [
        {
          path: [],
          message: `the experiment has an axis \`${responsesAxis}\`, which here counts responses`,
          expected: "another name for that axis",
        },
      ]
    : []),
];

export const Groups = stage({
  name: "groups",
  version: 1,
  summary: "pass@k, best-of-k by each reward, and how often k responses differ in it",
  example: `attempts:
  use: groups
  from: { rollouts: { all: sampled } }
  with: { rewards: [perception, consensus] }`,
  params: Params,
  inputs: { rollouts: { kinds: ["rollouts", "model", "files"], many: true } },
  output: "measurements",
  check: (params, around) => [...noSteps(params), ...axisProblems(params, around)],
});
