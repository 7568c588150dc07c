/** Who made what answers a node: in which run, under which name. */
import type { Index } from "../cache/Index.ts";
import type { Action } from "../schemas/Artifact.ts";

/** An action, and the run it was made in, where the index still knows. */
export interface Made {
  readonly action: Action;
  readonly run?: string;
  /** The recipe that it was made for is the action's; else it was found to answer that recipe, too. */
  readonly isAdopted: boolean;
}

export const madeBy = (index: Index, action: Action): Made => {
  const [row] = index.rows(
    `SELECT run, recipe FROM attempts WHERE status = 'succeeded' AND recipe IN
      (SELECT recipe FROM actions WHERE content = ? AND artifact = ?)
      ORDER BY recipe = ? DESC, abs(julianday(started_at) + seconds / 86400 - julianday(?)) LIMIT 1`,
    action.content,
    action.artifact,
    action.recipe,
    // Of several tries at one question, the one that ended then: they may have come out differently.
    action.finishedAt,
  );
  if (row === undefined) return { action, isAdopted: false };
  return { action, run: String(row["run"]), isAdopted: row["recipe"] !== action.recipe };
};
