/** Costs of a plan's nodes by the model of `stages/cost/`, beside measured ones where there are any. */
import { Effect } from "effect";
import { costsOfActions } from "../../cache/History.ts";
import type { Index } from "../../cache/Index.ts";
import { Store } from "../../cache/Store.ts";
import type { Cost } from "../../schemas/Artifact.ts";
import type { Maker } from "../../stages/Stage.ts";
import { type Activity, core, type GpuName, gpus } from "../../stages/cost/Machine.ts";
import type { ModelShape } from "../../stages/cost/ModelShape.ts";
import type { UnknownWorkload, Workload } from "../../stages/cost/Workload.ts";
import { workloads } from "../../stages/workloads.ts";
import { isFanIn, type Node } from "../experiment/Node.ts";
import type { Plan, PlannedNode } from "./Plan.ts";

export interface CostAssumptions {
  readonly gpu: GpuName;
  /** Mean tokens of a response; undefined: as many as are allowed. */
  readonly responseTokens: number | undefined;
}

/** The cost of one node by the model. */
export interface NodeCost {
  readonly seconds: number;
  readonly tokens: number;
  /** Bytes of each GPU, or of main memory. */
  readonly memory: number;
  readonly disk: number;
}

/** The costs of the nodes of one stage of the experiment. */
export interface StageCost {
  readonly name: string;
  readonly isOnGpu: boolean;
  /** Costs of the due nodes that the model or an earlier run knows. */
  readonly due: ReadonlyArray<NodeCost & { readonly deviceHours: number }>;
  readonly unknown: UnknownWorkload | undefined;
  /** Over all nodes with a time by the model and a measured one; undefined without any. */
  readonly measured: Comparison | undefined;
}

export interface Comparison {
  readonly nodes: number;
  readonly measuredSeconds: number;
  readonly modelSeconds: number;
  /** The largest measured memory, of nodes without a GPU, and the model's for it. */
  readonly measuredMemory: number | undefined;
  readonly modelMemory: number;
}

export interface CostEstimate {
  readonly assumptions: CostAssumptions;
  readonly costOf: ReadonlyMap<Node, NodeCost | UnknownWorkload>;
  /** Stages with a workload. */
  readonly stages: ReadonlyArray<StageCost>;
}

/** `secondsOf` are the times that earlier runs predict for due nodes; they count before the model's. */
export const estimateCost = Effect.fn("estimateCost")(function* (
  plan: Plan,
  assumptions: CostAssumptions,
  secondsOf: ReadonlyMap<Node, { readonly seconds: number }>,
) {
  const store = yield* Store;
  const costOf = yield* store.query((index) => costsByModel(plan, assumptions, index));
  const estimated = plan.nodes.filter(({ node }) => costOf.has(node));
  const cached = estimated.flatMap(({ status, found }) =>
    status === "cached" && found !== undefined ? [found.id] : [],
  );
  const past = yield* store.query((index) => costsOfActions(index, cached));
  const measuredOf = ({ node, status, found }: PlannedNode): Measured | undefined => {
    if (status !== "cached") {
      const seconds = secondsOf.get(node)?.seconds;
      return seconds === undefined ? undefined : { wallSeconds: seconds };
    }
    return found === undefined ? undefined : past.get(found.id);
  };
  const byStage = Map.groupBy(estimated, ({ node }) => node.stageName);
  const stages = [...byStage].map(([name, nodes]) => stageCost(name, nodes, costOf, measuredOf));
  return { assumptions, costOf, stages } satisfies CostEstimate;
});

const costsByModel = (
  plan: Plan,
  assumptions: CostAssumptions,
  index: Index,
): ReadonlyMap<Node, NodeCost | UnknownWorkload> => {
  const bytesOf = (node: Node): number | undefined => {
    const found = plan.byNode.get(node)?.found;
    return found === undefined ? undefined : index.artifact(found.artifact)?.bytes;
  };
  const costOf = new Map<Node, NodeCost | UnknownWorkload>();
  for (const { node } of plan.nodes) {
    const cost = costOfNode(node, assumptions, bytesOf);
    if (cost !== undefined) costOf.set(node, cost);
  }
  return costOf;
};

type Measured = Pick<Cost, "wallSeconds" | "maxRssBytes">;

export const isUnknown = (cost: NodeCost | UnknownWorkload): cost is UnknownWorkload =>
  "unknown" in cost;

/** Undefined for a stage without a workload. `bytesOf` knows the size of artifacts that are in the store. */
const costOfNode = (
  node: Node,
  { gpu, responseTokens }: CostAssumptions,
  bytesOf: (node: Node) => number | undefined,
): NodeCost | UnknownWorkload | undefined => {
  const of = workloads.get(node.stage.name)?.of;
  if (of === undefined) return undefined;
  const { gpus: gpuCount, cpus, nodes = 1 } = node.resources;
  const machine = gpuCount > 0 ? gpus[gpu] : core;
  const devices = (gpuCount > 0 ? gpuCount : cpus) * nodes;
  const model = shapeOf(node);
  if (model?.isMicro === true && gpuCount > 0) return smallOnGpu;
  const maker = (input: string) => makerOf(node, input);
  const stored = (input: string) => {
    const from = node.inputs[input];
    return from === undefined || isFanIn(from) ? undefined : bytesOf(from);
  };
  const around = { model, maker, stored, machine, devices, responseTokens };
  const load = of(node.params.decoded, around);
  if ("unknown" in load) return load;
  const { compute, program = "transformers", tokens, memory, disk } = load;
  const seconds = secondsOfCompute(compute, machine.peak * devices, machine.utilisation);
  const isIdle = seconds === 0;
  return {
    seconds: isIdle ? 0 : machine.startSeconds[program] + seconds,
    tokens,
    memory: isIdle ? memory : machine.programBytes + memory,
    disk,
  };
};

/** Kernels so small that starting them takes most of the time. */
const smallOnGpu: UnknownWorkload = {
  unknown: "the share of a GPU that a micro model reaches",
  fix: "an earlier run predicts the next",
};

const secondsOfCompute = (
  compute: Workload["compute"],
  peak: number,
  utilisation: Readonly<Record<Activity, number>>,
): number =>
  Object.entries(compute).reduce(
    (sum, [activity, flops]) => sum + flops / (peak * utilisation[activity as Activity]),
    0,
  );

/** The model that a node begins with: that of its input `model`, or its own. */
const shapeOf = (node: Node): ModelShape | undefined => {
  const from = node.inputs["model"];
  if (from === undefined) return workloads.get(node.stage.name)?.shape?.(node.params.decoded);
  return isFanIn(from) ? undefined : shapeOf(from);
};

const makerOf = (node: Node, input: string): Maker | undefined => {
  const from = node.inputs[input];
  return from === undefined || isFanIn(from)
    ? undefined
    : { stage: from.stage.name, params: from.params.decoded };
};

const stageCost = (
  name: string,
  nodes: ReadonlyArray<PlannedNode>,
  costOf: CostEstimate["costOf"],
  measuredOf: (planned: PlannedNode) => Measured | undefined,
): StageCost => {
  const known = nodes.flatMap((planned) => {
    const cost = costOf.get(planned.node);
    return cost === undefined || isUnknown(cost) ? [] : [{ planned, cost }];
  });
  const unknown = nodes
    .filter(({ status }) => status !== "cached")
    .map(({ node }) => costOf.get(node))
    .find((cost) => cost !== undefined && isUnknown(cost)) as UnknownWorkload | undefined;
  return {
    name,
    isOnGpu: nodes.some(({ node }) => node.resources.gpus > 0),
    due: known
      .filter(({ planned }) => planned.status !== "cached")
      .map(({ planned, cost }) => {
        const { gpus: gpuCount, cpus, nodes: machines = 1 } = planned.node.resources;
        const seconds = measuredOf(planned)?.wallSeconds ?? cost.seconds;
        const deviceHours = (seconds / 3600) * (gpuCount > 0 ? gpuCount : cpus) * machines;
        return { ...cost, deviceHours };
      }),
    unknown,
    measured: comparisonOf(
      known.flatMap(({ planned, cost }) => {
        const measured = measuredOf(planned);
        return measured === undefined || cost.seconds === 0
          ? []
          : [{ measured, cost, isOnGpu: planned.node.resources.gpus > 0 }];
      }),
    ),
  };
};

const comparisonOf = (
  pairs: ReadonlyArray<{
    readonly measured: Measured;
    readonly cost: NodeCost;
    readonly isOnGpu: boolean;
  }>,
): Comparison | undefined => {
  if (pairs.length === 0) return undefined;
  // Memory is that of main memory: of nodes with a GPU it says nothing.
  const memories = pairs.flatMap(({ measured: { maxRssBytes }, isOnGpu }) =>
    maxRssBytes === undefined || isOnGpu ? [] : [maxRssBytes],
  );
  return {
    nodes: pairs.length,
    measuredSeconds: pairs.reduce((sum, { measured }) => sum + measured.wallSeconds, 0),
    modelSeconds: pairs.reduce((sum, { cost }) => sum + cost.seconds, 0),
    measuredMemory: memories.length === 0 ? undefined : Math.max(...memories),
    modelMemory: Math.max(...pairs.map(({ cost }) => cost.memory)),
  };
};
