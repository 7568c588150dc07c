/** What the index tells of the past: who made what, how long it took, and what came out in several ways. */
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Index } from "./Index.ts";

/** Earlier actions; every answer has the newest first. */
export interface EarlierActions {
  /** The nodes of an experiment that have been made. */
  readonly nodesMade: (experiment: string) => ReadonlySet<string>;
  readonly actionsOfNode: (experiment: string, node: string, most: number) => ReadonlyArray<Action>;
  readonly actionsOfStage: (stage: string, most: number) => ReadonlyArray<Action>;
  readonly actionsThatMade: (artifact: Digest, most: number) => ReadonlyArray<Action>;
}

/** The records are not checked again: plans ask for thousands, and nobody but the index writes them. */
export const earlierActions = (index: Index): EarlierActions => {
  const records = (where: string, ...values: ReadonlyArray<string | number>) =>
    index
      .rows(`SELECT record FROM actions WHERE ${where} ORDER BY id DESC LIMIT ?`, ...values)
      .map(({ record }) => JSON.parse(String(record)) as Action);
  return {
    nodesMade: (experiment) =>
      new Set(
        index
          .rows("SELECT DISTINCT node FROM actions WHERE experiment = ?", experiment)
          .map(({ node }) => String(node)),
      ),
    actionsOfNode: (experiment, node, most) =>
      records("experiment = ? AND node = ?", experiment, node, most),
    actionsOfStage: (stage, most) => records("stage = ?", stage, most),
    actionsThatMade: (artifact, most) => records("artifact = ?", artifact, most),
  };
};

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

/** The nodes of runs that succeeded at the work that gave a recipe its artifact, under whichever recipe; the newest first. */
export const successesBehind = (
  index: Index,
  recipe: Digest,
  artifact: Digest,
): ReadonlyArray<{ readonly run: string; readonly node: string }> =>
  index
    .rows(
      `SELECT run, node FROM attempts WHERE status = 'succeeded' AND recipe IN
        (SELECT made.recipe FROM actions AS asked JOIN actions AS made USING (content, artifact)
          WHERE asked.recipe = ? AND artifact = ?) ORDER BY number DESC`,
      recipe,
      artifact,
    )
    .map((row) => ({ run: String(row["run"]), node: String(row["node"]) }));

/** Seconds that the newest successes took, by registered name and, where it is given, by the name in an experiment. */
export const secondsOf = (
  index: Index,
  stage: string,
  stageName: string | undefined,
  most: number,
): ReadonlyArray<number> => {
  const named = stageName === undefined ? [] : [stageName];
  return index
    .rows(
      `SELECT seconds FROM attempts WHERE stage = ? ${named.length === 0 ? "" : "AND stage_name = ?"}
        AND status = 'succeeded' ORDER BY number DESC LIMIT ?`,
      stage,
      ...named,
      most,
    )
    .map((row) => Number(row["seconds"]));
};

/** Wall seconds of these actions together. */
export const secondsOfActions = (index: Index, ids: Iterable<number>): number =>
  Number(
    index.rows(
      `SELECT sum(json_extract(record, '$.cost.wallSeconds')) AS seconds
        FROM json_each(?) JOIN actions ON actions.id = json_each.value`,
      JSON.stringify([...ids]),
    )[0]?.["seconds"] ?? 0,
  );

/** One of several artifacts that answer a content key. */
export interface Answer {
  readonly recipe: Digest;
  readonly content: Digest;
  readonly artifact: Digest;
  /** Whether its files were taken away by `pipe gc`. */
  readonly collected: boolean;
}

/** The answers to every content key that has several, the newest first. */
export const severalAnswers = (index: Index): ReadonlyArray<Answer> =>
  index
    .rows(
      `SELECT recipe, content, artifact, collected FROM actions JOIN artifacts ON digest = artifact
        WHERE content IN (SELECT content FROM nondeterministic) ORDER BY id DESC`,
    )
    .map((row) => ({
      recipe: String(row["recipe"]),
      content: String(row["content"]),
      artifact: String(row["artifact"]),
      collected: row["collected"] === 1,
    }));
