/** Every try at the nodes of a run until its end, whichever run tried: what it all has cost, failures included. */
import type { Index } from "../cache/Index.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { BundledAttempt } from "./format.ts";

/** `contents` are the content keys of nodes that were made: the same work under another recipe counts. */
export const attemptsAt = (
  index: Index,
  nodes: ReadonlyArray<{
    readonly node: string;
    readonly recipe: string;
    readonly content?: string;
  }>,
  until: string | undefined,
): ReadonlyArray<BundledAttempt> => {
  const found = new Map<number, BundledAttempt>();
  for (const { node, recipe, content } of nodes) {
    for (const each of recipesOf(index, recipe, content)) {
      const actions = index.byRecipe(each).flatMap(({ id }) => index.action(id) ?? []);
      const rows = index.rows(
        "SELECT number, stage, status, started_at, seconds FROM attempts WHERE recipe = ? ORDER BY number",
        each,
      );
      for (const row of rows) {
        const number = Number(row["number"]);
        const startedAt = String(row["started_at"]);
        if (found.has(number) || (until !== undefined && startedAt > until)) continue;
        const seconds = Number(row["seconds"]);
        const status = String(row["status"]) as BundledAttempt["status"];
        const cost = status === "succeeded" ? costOf(actions, seconds) : undefined;
        found.set(number, {
          node,
          stage: String(row["stage"]),
          status,
          startedAt,
          seconds,
          ...(cost === undefined ? {} : { cost }),
        });
      }
    }
  }
  return [...found].toSorted(([one], [other]) => one - other).map(([, attempt]) => attempt);
};

const recipesOf = (index: Index, recipe: string, content: string | undefined) => {
  const others =
    content === undefined
      ? []
      : index.rows("SELECT DISTINCT recipe FROM actions WHERE content = ?", content);
  return new Set([recipe, ...others.map((row) => String(row["recipe"]))]);
};

/** An action keeps the time of the attempt that it came from. */
const costOf = (actions: ReadonlyArray<Action>, seconds: number): Action["cost"] | undefined =>
  actions.find(({ cost }) => cost.wallSeconds === seconds)?.cost;
