/** Look-ups by key: the action that answers it, and whether its artifact is in the store. */
import type { Digest } from "../schemas/Digest.ts";
import type { Absence } from "./Absences.ts";
import type { ActionRow, Index } from "./Index.ts";
import type { Ledger } from "./Ledger.ts";
import type { Trees } from "./Trees.ts";

/** `collected`: deleted by `pipe gc`; `damaged`: missing or changed. */
export interface FoundAction extends ActionRow {
  readonly state: "present" | "collected" | "damaged";
}

export interface Look {
  readonly byRecipe: (recipe: Digest) => FoundAction | undefined;
  readonly byContent: (content: Digest) => FoundAction | undefined;
  /** Content keys with more than one answer. */
  readonly nondeterministic: ReadonlySet<Digest>;
}

/** Above this share of the index, one scan is faster than single queries (measured: three to one). */
const scanShare = 1 / 3;

/** A single query by content key sees other processes' answers, too; a scan sees those that the index had. */
export const lookUp = (
  index: Index,
  trees: Trees,
  nodes: number,
  ledger: Pick<Ledger, "flush" | "syncContent">,
): Look => {
  if (nodes > 1) ledger.flush();
  const scanned =
    nodes > 1 && nodes >= index.mostActions * scanShare ? index.allActions() : undefined;
  const byRecipe = scanned && newestFirst(scanned, ({ recipe }) => recipe);
  let byContent: ReadonlyMap<Digest, ReadonlyArray<ActionRow>> | undefined;
  const answersTo = (content: Digest) => {
    if (scanned === undefined)
      return ledger.syncContent(content) ? index.byContent(content) : undefined;
    byContent ??= newestFirst(scanned, (row) => row.content);
    return byContent.get(content);
  };
  const scannedFiles = scanned && new Map(index.allArtifacts());
  const filesOf = (artifact: Digest) =>
    scannedFiles === undefined ? index.artifact(artifact)?.files : scannedFiles.get(artifact);
  const states = new Map<Digest, FoundAction["state"]>();
  let absences: ReadonlyMap<Digest, Absence> | undefined;
  const stateOf = (artifact: Digest): FoundAction["state"] => {
    const known = states.get(artifact);
    if (known !== undefined) return known;
    const files = filesOf(artifact);
    const sound = files !== undefined && trees.isSound(artifact, files);
    if (!sound) absences ??= index.absences.all();
    const state = sound ? "present" : (absences?.get(artifact) ?? "damaged");
    states.set(artifact, state);
    return state;
  };
  /** The newest that is present, or else the newest. */
  const best = (rows: ReadonlyArray<ActionRow> | undefined): FoundAction | undefined => {
    const found = rows?.map((row) => ({ ...row, state: stateOf(row.artifact) }));
    return found?.find(({ state }) => state === "present") ?? found?.[0];
  };
  return {
    byRecipe: (recipe) => {
      if (byRecipe !== undefined) return best(byRecipe.get(recipe));
      ledger.flush();
      return best(index.byRecipe(recipe));
    },
    byContent: (content) => best(answersTo(content)),
    get nondeterministic() {
      ledger.flush();
      return index.nondeterministic;
    },
  };
};

const newestFirst = <Row extends { readonly order: number }>(
  rows: ReadonlyArray<Row>,
  keyOf: (row: Row) => Digest,
): ReadonlyMap<Digest, ReadonlyArray<Row>> => {
  const found = Map.groupBy(rows, keyOf);
  for (const group of found.values()) if (group.length > 1) group.sort((a, b) => b.order - a.order);
  return found;
};
