/** Every attempt at the nodes of a run until the run's end, of whichever run, failed ones included. */
import { attemptsAtRecipe, recipesWithContent } from "../../cache/History.ts";
import type { Index } from "../../cache/Index.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { BundledAttempt } from "../format/format.ts";

/** `content` is the content key of a node with a result: attempts under other recipes with the same content count. */
export const attemptsAt = (
  index: Index,
  nodes: ReadonlyArray<{
    readonly node: string;
    readonly recipe: string;
    readonly content?: string;
  }>,
  until: string | undefined,
): ReadonlyArray<BundledAttempt> => {
  const found = new Map<string, readonly [order: number, BundledAttempt]>();
  for (const { node, recipe, content } of nodes) {
    for (const each of recipesOf(index, recipe, content)) {
      const actions = index.byRecipe(each).flatMap(({ id }) => index.action(id) ?? []);
      for (const { order, id, stage, status, startedAt, seconds } of attemptsAtRecipe(
        index,
        each,
      )) {
        if (found.has(id) || (until !== undefined && startedAt > until)) continue;
        const cost = status === "succeeded" ? costOf(actions, seconds) : undefined;
        found.set(id, [
          order,
          { node, stage, status, startedAt, seconds, ...(cost === undefined ? {} : { cost }) },
        ]);
      }
    }
  }
  return [...found.values()]
    .toSorted(([one], [other]) => one - other)
    .map(([, attempt]) => attempt);
};

const recipesOf = (index: Index, recipe: string, content: string | undefined) =>
  new Set([recipe, ...(content === undefined ? [] : recipesWithContent(index, content))]);

/** An action has the time of its attempt. */
const costOf = (actions: ReadonlyArray<Action>, seconds: number): Action["cost"] | undefined =>
  actions.find(({ cost }) => cost.wallSeconds === seconds)?.cost;
