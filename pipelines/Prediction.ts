/** How long what is due will take, by what the same stages took before. */
import { Effect } from "effect";
import { secondsOf, secondsOfActions } from "../cache/History.ts";
import { Store } from "../cache/Store.ts";
import type { Node } from "./Compile.ts";
import { type Plan, type PlannedNode, upstreamOf } from "./Plan.ts";

export interface Prediction {
  /** By the name of a stage in the experiment: what one of its nodes takes; absent where no past says. */
  readonly secondsOf: ReadonlyMap<string, number>;
  /** All that is due, one after the other; nodes that may turn out to be cached are in it. */
  readonly seconds: number;
  /** With so many jobs at a time: no plan is shorter than its longest chain, or than its work shared out. */
  readonly elapsedSeconds: number;
  readonly gpuHours: number;
  /** Stages that are due and of which nobody knows how long they take. */
  readonly unknown: ReadonlyArray<string>;
  /** What it took to make what is cached. */
  readonly savedSeconds: number;
}

/** The newest successes tell how long a stage takes now. */
const mostSuccesses = 20;

export const predict = Effect.fn("predict")(function* (plan: Plan, jobs: number) {
  const store = yield* Store;
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  const stages = new Map(due.map(({ node }) => [node.stageName, node.stage.name]));
  // Nodes that ask the same share what was made, so it is saved once.
  const cached = new Map(
    plan.nodes.flatMap(({ status, found }) =>
      status === "cached" && found !== undefined ? [[found.content, found.id] as const] : [],
    ),
  );
  return yield* store.query((index): Prediction => {
    const known = new Map<string, number>();
    for (const [stageName, stage] of stages) {
      const own = secondsOf(index, stage, stageName, mostSuccesses);
      const seconds = median(
        own.length > 0 ? own : secondsOf(index, stage, undefined, mostSuccesses),
      );
      if (seconds !== undefined) known.set(stageName, seconds);
    }
    return {
      secondsOf: known,
      ...totals(due, known, jobs),
      unknown: [...stages.keys()].filter((stageName) => !known.has(stageName)),
      savedSeconds: secondsOfActions(index, cached.values()),
    };
  });
});

export const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
};

/** `due` has every node after those it takes from. */
export const totals = (
  due: ReadonlyArray<PlannedNode>,
  secondsOf: ReadonlyMap<string, number>,
  jobs: number,
): Pick<Prediction, "seconds" | "elapsedSeconds" | "gpuHours"> => {
  const endOf = new Map<Node, number>();
  let [seconds, slotSeconds, gpuSeconds, longest] = [0, 0, 0, 0];
  for (const { node } of due) {
    const own = secondsOf.get(node.stageName) ?? 0;
    seconds += own;
    slotSeconds += own * Math.min(node.resources.cpus, jobs);
    gpuSeconds += own * node.resources.gpus;
    const begin = upstreamOf(node).reduce(
      (latest, input) => Math.max(latest, endOf.get(input) ?? 0),
      0,
    );
    endOf.set(node, begin + own);
    longest = Math.max(longest, begin + own);
  }
  const elapsedSeconds = Math.max(longest, slotSeconds / jobs);
  return { seconds, elapsedSeconds, gpuHours: gpuSeconds / 3600 };
};
