/** The micro model behind an input, as the experiment itself names it, so that a plan refuses what only the job would. */
import type { ParamsProblem, Upstream } from "./Stage.ts";

/** The family of a micro model that the experiment trains from random weights; undefined for other models. */
export const microFamily = ({ stage, params, input }: Upstream): string | undefined => {
  const start = input("model");
  if (stage === "grpo" || (stage === "sft" && start !== undefined))
    return start === undefined ? undefined : microFamily(start);
  if (stage !== "sft") return undefined;
  return (params as { readonly model: { readonly family: string } }).model.family;
};

/** A micro model has no chat template, which other makers' programs ask by. */
export const microProblems = (
  upstream: Upstream,
  path: ReadonlyArray<string>,
  { asker, expected }: { readonly asker: string; readonly expected: string },
): ReadonlyArray<ParamsProblem> =>
  microFamily(upstream) === undefined
    ? []
    : [
        {
          path,
          message: `\`${upstream.name}\` is a micro model, which has no chat template: ${asker} can't ask it`,
          expected,
        },
      ];
