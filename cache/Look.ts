/** Look-ups by key as the planner makes them: what made it, and whether it is still there. */
import type { Digest } from "../schemas/Digest.ts";
import type { ActionRow, Index } from "./Index.ts";
import type { Trees } from "./Trees.ts";

/** An answer: `collected` was taken away on purpose, `damaged` is missing or not as it was stored. */
export interface Found extends ActionRow {
  readonly state: "present" | "collected" | "damaged";
}

export interface Look {
  readonly byRecipe: (recipe: Digest) => Found | undefined;
  readonly byContent: (content: Digest) => Found | undefined;
  /** Content keys with more than one answer. */
  readonly nondeterministic: ReadonlySet<Digest>;
}

/** Above this share of the index, reading all of it once is cheaper than asking row by row (measured: three to one). */
const scanShare = 1 / 3;

export const lookInto = (index: Index, trees: Trees, nodes: number): Look => {
  const scanned =
    nodes > 1 && nodes >= index.mostActions * scanShare ? index.allActions() : undefined;
  const byRecipe = scanned && newestFirst(scanned, ({ recipe }) => recipe);
  let byContent: ReadonlyMap<Digest, ReadonlyArray<ActionRow>> | undefined;
  const answersTo = (content: Digest) => {
    if (scanned === undefined) return index.byContent(content);
    byContent ??= newestFirst(scanned, (row) => row.content);
    return byContent.get(content);
  };
  const states = new Map<Digest, Found["state"]>();
  const stateOf = (artifact: Digest): Found["state"] => {
    const known = states.get(artifact);
    if (known !== undefined) return known;
    const row = index.artifact(artifact);
    const sound = row !== undefined && trees.isSound(artifact, row.files);
    const state = sound ? "present" : row?.collected === true ? "collected" : "damaged";
    states.set(artifact, state);
    return state;
  };
  /** The newest that is there; if none is, the newest. */
  const best = (rows: ReadonlyArray<ActionRow> | undefined): Found | undefined => {
    const found = rows?.map((row) => ({ ...row, state: stateOf(row.artifact) }));
    return found?.find(({ state }) => state === "present") ?? found?.[0];
  };
  return {
    byRecipe: (recipe) =>
      best(byRecipe === undefined ? index.byRecipe(recipe) : byRecipe.get(recipe)),
    byContent: (content) => best(answersTo(content)),
    get nondeterministic() {
      return index.nondeterministic;
    },
  };
};

const newestFirst = <Row extends ActionRow>(
  rows: ReadonlyArray<Row>,
  keyOf: (row: Row) => Digest,
): ReadonlyMap<Digest, ReadonlyArray<Row>> => {
  const found = Map.groupBy(rows, keyOf);
  for (const group of found.values()) if (group.length > 1) group.sort((a, b) => b.id - a.id);
  return found;
};
