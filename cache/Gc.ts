/** The plan of `pipe gc`: artifacts and leftovers to delete. Changes nothing; `sweep.ts` deletes. */
import { bytesHeld, chooseGoing, type GoingArtifact, type RunRoot } from "./chooseGoing.ts";
import { diskUse } from "./diskUse.ts";
import { readHoldings } from "./Holdings.ts";
import type { Index } from "./Index.ts";
import { findLeftovers, type Leftover } from "./Leftovers.ts";
import { RunDirectory } from "./RunDirectory.ts";
import { allTags } from "./Tags.ts";
import { Trees } from "./Trees.ts";

/** The runs of the store, which `pipelines/` can read. */
export interface Runs {
  /** Oldest first. */
  readonly names: () => ReadonlyArray<string>;
  readonly read: (run: string) => RunRoot;
}

export interface GcOptions {
  /** Milliseconds since the epoch; runs that began earlier are deleted and keep nothing. */
  readonly before?: number;
  /** The largest size of the whole store, in bytes. */
  readonly maxBytes?: number;
}

export interface GcPlan {
  readonly artifacts: ReadonlyArray<GoingArtifact>;
  readonly leftovers: ReadonlyArray<Leftover>;
  /** The size of the whole store before, in bytes. */
  readonly total: number;
  /** The names of all runs when the plan was made. */
  readonly known: ReadonlySet<string>;
}

export const goingBytes = ({ artifacts, leftovers }: GcPlan): number =>
  artifacts.reduce((sum, { freed }) => sum + freed, 0) + bytesOf(leftovers);

export const bytesOf = (leftovers: ReadonlyArray<Leftover>): number =>
  leftovers.reduce((sum, { bytes }) => sum + bytes, 0);

export const planGc = (
  home: string,
  index: Index,
  runs: Runs,
  { before = -Infinity, maxBytes = Infinity }: GcOptions,
  own?: string,
): GcPlan => {
  const total = diskUse(home);
  const all = runs.names().map(runs.read);
  const old = all.filter((run) => !run.lives && run.begunAt < before);
  const kept = all.filter((run) => !old.includes(run));
  const known = new Set(all.map(({ run }) => run));
  const holdings = readHoldings(index, new Trees(home));
  const tagged = new Set(allTags(home).map(({ artifact }) => artifact));
  const oldRuns = old.map(({ run }): Leftover => {
    const { path: directory } = RunDirectory.of(home, run);
    return { kind: "OldRun", paths: [directory], bytes: diskUse(directory) };
  });
  const planWith = (mostHeld: number, room: boolean): GcPlan => {
    const roots = { runs: kept, tagged };
    const artifacts = chooseGoing({ artifacts: holdings.artifacts, roots, maxBytes: mostHeld });
    const going = new Set(artifacts.map(({ holding }) => holding.digest));
    const leftovers = findLeftovers(home, index, { holdings, going, before, room, own });
    return { artifacts, leftovers: [...oldRuns, ...leftovers], total, known };
  };
  const unreached = planWith(Infinity, false);
  if (total - goingBytes(unreached) <= maxBytes) return unreached;
  // Checkpoints of finished trainings go before artifacts, since the trained models stay.
  const { leftovers } = planWith(Infinity, true);
  const others = total - bytesHeld(holdings.artifacts.values()) - bytesOf(leftovers);
  return planWith(Math.max(0, maxBytes - others), true);
};
