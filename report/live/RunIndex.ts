/** Reads the runs of a store for the index. What only changes with a run's results is read again when they change. */
import { Effect } from "effect";
import { labelKey } from "../../pipelines/experiment/Node.ts";
import { type RunSummary, runNames, summaryOf } from "../../pipelines/history/RunHistory.ts";
import { numbersOfRun } from "../../pipelines/history/runNumbers.ts";
import { readRunPlan } from "../../pipelines/history/RunPlan.ts";
import { bestArmText } from "../analysis/bestArm.ts";
import type { IndexedRun } from "./indexPage.ts";

/** The newest runs that are listed. */
const mostRuns = 200;

type Results = Pick<IndexedRun, "points" | "best">;

interface Known {
  readonly version: string;
  readonly results: Results;
}

export class RunIndex {
  private readonly home: string;
  private readonly known = new Map<string, Known>();

  constructor(home: string) {
    this.home = home;
  }

  /** The newest runs, the newest first, and how many there are in all. */
  readonly read = Effect.fnUntraced({ self: this }, function* (this: RunIndex, now: number) {
    const names = runNames(this.home).toReversed();
    const runs: Array<IndexedRun> = [];
    for (const run of names.slice(0, mostRuns)) {
      const summary = summaryOf(this.home, run, now);
      runs.push({ summary, ...(yield* this.resultsOf(summary)) });
    }
    return { runs, total: names.length };
  });

  private readonly resultsOf = Effect.fnUntraced(
    { self: this },
    function* (this: RunIndex, { run, state, executed, reused }: RunSummary) {
      const version = `${state} ${executed} ${reused}`;
      const known = this.known.get(run);
      if (known?.version === version) return known.results;
      const results = yield* readResults(this.home, run);
      this.known.set(run, { version, results });
      return results;
    },
  );
}

const readResults = Effect.fnUntraced(function* (home: string, run: string) {
  const plan = readRunPlan(home, run);
  if (plan === undefined) return { points: 0 } satisfies Results;
  const points = new Set(plan.nodes.map(({ labels }) => labelKey(labels))).size;
  const numbers = (yield* numbersOfRun(plan)).map((each) => ({ ...each, from: [] }));
  const best = bestArmText({ run, numbers, points: [] });
  return { points, ...(best === undefined ? {} : { best }) } satisfies Results;
});
