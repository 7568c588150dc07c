/** Estimates how long the due nodes will take, from how long their stages took before. */
import { Effect } from "effect";
import fs from "node:fs";
import { type EarlierActions, earlierActions, secondsOfActions } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { mapInputs, type Node, upstreamOf } from "../experiment/Node.ts";
import { workKeys } from "./Keys.ts";
import type { Plan, PlannedNode } from "./Plan.ts";
import { type Prediction, predictor } from "./predictSeconds.ts";
import { pastActions, timeOf, workOfAction, workOfNode } from "./stageWork.ts";

export interface TimeEstimate {
  /** By due node; stages without earlier runs have no entry. */
  readonly secondsOf: ReadonlyMap<Node, Prediction>;
  /** All due nodes one after the other, pending ones included. */
  readonly work: Prediction;
  /** With `jobs` at a time: the longest chain, or the work divided by the jobs. */
  readonly elapsed: Prediction;
  readonly gpuHours: number;
  /** Due stages without earlier runs. */
  readonly unknown: ReadonlyArray<string>;
  /** The time that it took to make the cached nodes. */
  readonly savedSeconds: number;
}

export const estimateTime = Effect.fn("estimateTime")(function* (plan: Plan, jobs: number) {
  const store = yield* Store;
  const due = plan.nodes.filter(({ status }) => status !== "cached");
  // Nodes with equal content keys share one action, so its time is saved once.
  const cached = new Map(
    plan.nodes.flatMap(({ status, found }) =>
      status === "cached" && found !== undefined ? [[found.content, found.id] as const] : [],
    ),
  );
  const hasCheckpoints = (training: Digest) => fs.existsSync(store.checkpointDirectory(training));
  return yield* store.query((index): TimeEstimate => {
    const predict = stagePredictions(plan, earlierActions(index), hasCheckpoints);
    const secondsOf = new Map(
      due.flatMap((planned) => {
        const prediction = predict(planned);
        return prediction === undefined ? [] : [[planned.node, prediction] as const];
      }),
    );
    const names = new Set(due.map(({ node }) => node.stageName));
    for (const { stageName } of secondsOf.keys()) names.delete(stageName);
    return {
      secondsOf,
      ...allTotals(due, secondsOf, jobs),
      unknown: [...names],
      savedSeconds: secondsOfActions(index, cached.values()),
    };
  });
});

/** How many actions of a stage are searched for those of the same name in an experiment. */
const mostSearched = 100;

interface StagePast {
  /** Scales with the work; absent where no earlier run has a known amount. */
  readonly byWork: ((work: number) => Prediction) | undefined;
  readonly whole: (work: 1) => Prediction;
  readonly actions: ReadonlyArray<Action>;
}

/** Predicts a node; what is known of its stage is collected once. */
const stagePredictions = (
  plan: Plan,
  earlier: EarlierActions,
  hasCheckpoints: (training: Digest) => boolean,
) => {
  const collected = new Map<string, StagePast | undefined>();
  const pastOf = (node: Node): StagePast | undefined => {
    if (!collected.has(node.stageName)) collected.set(node.stageName, collectPast(node, earlier));
    return collected.get(node.stageName);
  };
  const trainingOf = ({ node, status, because }: PlannedNode): Digest | undefined => {
    const horizon = node.stage.horizon?.(node.params.decoded) ?? [];
    if (horizon.length === 0 || status !== "run" || because._tag === "Forced") return undefined;
    const identities = mapInputs(node, (input) => plan.byNode.get(input)?.found?.artifact ?? "");
    return workKeys(plan.fieldsOf(node, identities), horizon).training;
  };
  return (planned: PlannedNode): Prediction | undefined => {
    const past = pastOf(planned.node);
    const work = workOfNode(planned.node);
    if (past?.byWork === undefined || work === undefined) return past?.whole(1);
    // A longer training continues from the checkpoints of a shorter one.
    const training = trainingOf(planned);
    const isContinued = training !== undefined && hasCheckpoints(training);
    const done = past.actions
      .filter((action) => isContinued && action.training === training)
      .map((action) => workOfAction(action, earlier) ?? 0);
    return past.byWork(work - Math.max(0, ...done.filter((each) => each <= work)));
  };
};

const collectPast = (node: Node, earlier: EarlierActions): StagePast | undefined => {
  const actions = earlier.actionsOfStage(node.stage.name, mostSearched);
  const past = pastActions(node, actions);
  const whole = predictor(past.map((action) => timeOf(action, 1)));
  const byWork = predictor(
    past.flatMap((action) => {
      const work = workOfAction(action, earlier);
      return work === undefined ? [] : [timeOf(action, work)];
    }),
  );
  return whole === undefined ? undefined : { byWork, whole, actions };
};

const allTotals = (
  due: ReadonlyArray<PlannedNode>,
  secondsOf: ReadonlyMap<Node, Prediction>,
  jobs: number,
): Pick<TimeEstimate, "work" | "elapsed" | "gpuHours"> => {
  // The errors of one stage's nodes go together, so the ends of their ranges add up.
  const [middle, low, high] = (["seconds", "low", "high"] as const).map((end) =>
    totals(due, (node) => secondsOf.get(node)?.[end] ?? 0, jobs),
  ) as [Totals, Totals, Totals];
  return {
    work: { seconds: middle.seconds, low: low.seconds, high: high.seconds },
    elapsed: { seconds: middle.elapsed, low: low.elapsed, high: high.elapsed },
    gpuHours: middle.gpuHours,
  };
};

interface Totals {
  readonly seconds: number;
  readonly elapsed: number;
  readonly gpuHours: number;
}

/** `due` is in topological order. */
export const totals = (
  due: ReadonlyArray<PlannedNode>,
  secondsOf: (node: Node) => number,
  jobs: number,
): Totals => {
  const endOf = new Map<Node, number>();
  let [seconds, slotSeconds, gpuSeconds, longest] = [0, 0, 0, 0];
  for (const { node } of due) {
    const own = secondsOf(node);
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
  const elapsed = Math.max(longest, slotSeconds / jobs);
  return { seconds, elapsed, gpuHours: gpuSeconds / 3600 };
};
