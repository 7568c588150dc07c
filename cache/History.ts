/** Queries about the past: who made an artifact, how long it took, which keys have several answers. */
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Index } from "./Index.ts";
import type { Attempt } from "./records.ts";

/** Earlier actions, newest first. */
export interface EarlierActions {
  /** The nodes of an experiment that have an action. */
  readonly nodesMade: (experiment: string) => ReadonlySet<string>;
  readonly actionsOfNode: (experiment: string, node: string, most: number) => ReadonlyArray<Action>;
  readonly actionsOfStage: (stage: string, most: number) => ReadonlyArray<Action>;
  readonly actionsThatMade: (artifact: Digest, most: number) => ReadonlyArray<Action>;
}

/** Records are not decoded by a schema: plans ask for thousands, and `pipe` alone writes them. */
export const earlierActions = (index: Index): EarlierActions => {
  const records = (where: string, ...values: ReadonlyArray<string | number>) =>
    index
      .rows(`SELECT record FROM actions WHERE ${where} ORDER BY ord DESC LIMIT ?`, ...values)
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

/** An action and, if the index knows it, the run that made it. */
export interface ActionOrigin {
  readonly action: Action;
  readonly run?: string;
  /** True if a run made it for another recipe, and the action's recipe took it over. */
  readonly isAdopted: boolean;
}

export const madeBy = (index: Index, action: Action): ActionOrigin => {
  const [row] = index.rows(
    `SELECT run, recipe FROM attempts WHERE status = 'succeeded' AND recipe IN
      (SELECT recipe FROM actions WHERE content = ? AND artifact = ?)
      ORDER BY recipe = ? DESC, abs(julianday(started_at) + seconds / 86400 - julianday(?)) LIMIT 1`,
    action.content,
    action.artifact,
    action.recipe,
    // Several attempts at one key may have different results: the action belongs to the one that ended with it.
    action.finishedAt,
  );
  if (row === undefined) return { action, isAdopted: false };
  return { action, run: String(row["run"]), isAdopted: row["recipe"] !== action.recipe };
};

/** Runs and nodes whose success made a recipe's artifact, under any recipe; newest first. */
export const successesBehind = (
  index: Index,
  recipe: Digest,
  artifact: Digest,
): ReadonlyArray<{ readonly run: string; readonly node: string }> =>
  index
    .rows(
      `SELECT run, node FROM attempts WHERE status = 'succeeded' AND recipe IN
        (SELECT made.recipe FROM actions AS asked JOIN actions AS made USING (content, artifact)
          WHERE asked.recipe = ? AND artifact = ?) ORDER BY ord DESC`,
      recipe,
      artifact,
    )
    .map((row) => ({ run: String(row["run"]), node: String(row["node"]) }));

/** The sum of wall seconds of these actions. */
export const secondsOfActions = (index: Index, ids: Iterable<number>): number =>
  Number(
    index.rows(
      `SELECT sum(json_extract(record, '$.cost.wallSeconds')) AS seconds
        FROM json_each(?) JOIN actions ON actions.id = json_each.value`,
      JSON.stringify([...ids]),
    )[0]?.["seconds"] ?? 0,
  );

/** The costs of actions that did all of their work: not those that continued from a checkpoint. */
export const costsOfActions = (
  index: Index,
  ids: ReadonlyArray<number>,
): ReadonlyMap<number, Action["cost"]> =>
  new Map(
    index
      .rows(
        `SELECT actions.id AS id, record FROM json_each(?) JOIN actions ON actions.id = json_each.value
          WHERE json_extract(record, '$.resumedFrom') IS NULL`,
        JSON.stringify(ids),
      )
      .map(({ id, record }) => [Number(id), (JSON.parse(String(record)) as Action).cost]),
  );

/** One of several artifacts that answer a content key. */
export interface Answer {
  readonly recipe: Digest;
  readonly content: Digest;
  readonly artifact: Digest;
  /** True if `pipe gc` deleted its files. */
  readonly collected: boolean;
}

/** The answers to every content key that has several, newest first. */
export const severalAnswers = (index: Index): ReadonlyArray<Answer> => {
  const absences = index.absences.all();
  return index
    .rows(
      `SELECT recipe, content, artifact FROM actions
        WHERE content IN (SELECT content FROM nondeterministic) ORDER BY ord DESC`,
    )
    .map((row) => ({
      recipe: String(row["recipe"]),
      content: String(row["content"]),
      artifact: String(row["artifact"]),
      collected: absences.get(String(row["artifact"])) === "collected",
    }));
};

/** An attempt at a recipe; `order` compares all attempts of a store. */
export interface AttemptRow {
  readonly order: number;
  readonly id: string;
  readonly stage: string;
  readonly status: Attempt["status"];
  readonly startedAt: string;
  readonly seconds: number;
}

/** Every attempt at a recipe, oldest first. */
export const attemptsAtRecipe = (index: Index, recipe: Digest): ReadonlyArray<AttemptRow> =>
  index
    .rows(
      "SELECT ord, id, stage, status, started_at, seconds FROM attempts WHERE recipe = ? ORDER BY ord",
      recipe,
    )
    .map((row) => ({
      order: Number(row["ord"]),
      id: String(row["id"]),
      stage: String(row["stage"]),
      status: String(row["status"]) as Attempt["status"],
      startedAt: String(row["started_at"]),
      seconds: Number(row["seconds"]),
    }));

/** The last attempt at each of these recipes that has one. */
export const lastAttempts = (
  index: Index,
  recipes: ReadonlySet<Digest>,
): ReadonlyMap<Digest, Pick<Attempt, "run" | "node" | "status">> =>
  new Map(
    index
      .rows(
        `SELECT recipe, run, node, status FROM json_each(?) AS asked
          JOIN attempts ON attempts.recipe = asked.value ORDER BY ord`,
        JSON.stringify([...recipes]),
      )
      .map((row) => [
        String(row["recipe"]),
        {
          run: String(row["run"]),
          node: String(row["node"]),
          status: String(row["status"]) as Attempt["status"],
        },
      ]),
  );

/** The recipes of the actions with this content key. */
export const recipesWithContent = (index: Index, content: Digest): ReadonlyArray<Digest> =>
  index
    .rows("SELECT DISTINCT recipe FROM actions WHERE content = ?", content)
    .map((row) => String(row["recipe"]));

/** Seconds of the first success at an action's content key, under any recipe. */
export const firstSeconds = (index: Index, { recipe, content }: Action): number | undefined => {
  const [row] = index.rows(
    `SELECT seconds FROM attempts
     WHERE status = 'succeeded' AND recipe IN (SELECT ? UNION SELECT recipe FROM actions WHERE content = ?)
     ORDER BY ord LIMIT 1`,
    recipe,
    content,
  );
  return row === undefined ? undefined : Number(row["seconds"]);
};
