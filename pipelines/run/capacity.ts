/** The resources for a run. Nodes that demand more are refused before anything starts. */
import { Effect } from "effect";
import { Executor, type JobCapacity } from "../../executors/Executor.ts";
import { machineResources } from "../../executors/machineResources.ts";
import { type Diagnostic, InvalidSpec } from "../../schemas/Diagnostic.ts";
import { runs } from "../../stages/runs.ts";
import type { Resources, Stage } from "../../stages/Stage.ts";
import type { Node } from "../experiment/Node.ts";
import { spanOf } from "../experiment/Source.ts";

/** True if a stage's work is a job on another machine. */
export const runsElsewhere = ({ name }: Stage, isHere: (stage: string) => boolean): boolean =>
  runs.get(name)?.runsJobs === true && !isHere(name);

/** `jobs` processor slots, and the machine's memory and GPUs. A node that demands more processors gets all slots. */
export const capacityFor = Effect.fnUntraced(function* (due: ReadonlyArray<Node>, jobs: number) {
  const executor = yield* Executor;
  const isElsewhere = ({ stage }: Node) => runsElsewhere(stage, executor.isHere);
  const here = due.filter((node) => !isElsewhere(node));
  const elsewhere = due.filter(isElsewhere);
  const machine = machineResources();
  // Counting GPUs takes a second.
  const needsGpus = here.some(({ resources }) => resources.gpus > 0);
  const gpus = needsGpus ? yield* machine.gpus : { count: 0, why: null };
  const capacity: Resources = { cpus: jobs, memory: machine.memoryBytes, gpus: gpus.count };
  const hereMost = {
    ...capacity,
    cpus: Infinity,
    nodes: 1,
    place: "this machine",
    node: "this machine",
    why: gpus.why,
  };
  const diagnostics = [
    ...onOneNode(due),
    ...tooLarge(here, hereMost),
    ...(elsewhere.length === 0 ? [] : tooLarge(elsewhere, yield* executor.capacity)),
  ];
  return diagnostics.length === 0 ? capacity : yield* new InvalidSpec({ diagnostics });
});

/** Stages whose program would do the same work on each of several nodes. */
const onOneNode = (due: ReadonlyArray<Node>): ReadonlyArray<Diagnostic> =>
  firstOfEachStage(due).flatMap(({ stage, stageName, resources: { nodes = 1 }, at }) =>
    nodes === 1 || stage.onSeveralNodes === true
      ? []
      : [
          {
            message: `\`${stageName}\` asks for ${nodes} nodes; the stage \`${stage.name}\` runs on one`,
            at: spanOf(at),
            expected: "no `nodes`, or a `command` that starts a trainer on several nodes",
          },
        ],
  );

const firstOfEachStage = (nodes: ReadonlyArray<Node>): ReadonlyArray<Node> => {
  const first = new Map<string, Node>();
  for (const node of nodes) if (!first.has(node.stageName)) first.set(node.stageName, node);
  return [...first.values()];
};

/** One diagnostic for each stage and resource. */
const tooLarge = (nodes: ReadonlyArray<Node>, most: JobCapacity): ReadonlyArray<Diagnostic> =>
  firstOfEachStage(nodes).flatMap((node) =>
    (["cpus", "memory", "gpus", "nodes"] as const).flatMap((name) => {
      const { [name]: wanted = 1 } = node.resources;
      return wanted <= most[name]
        ? []
        : [
            {
              message: `\`${node.stageName}\` needs ${amount[name](wanted)}; ${name === "nodes" ? most.place : most.node} has ${amount[name](most[name])}`,
              at: spanOf(node.at),
              expected:
                (name === "gpus" ? most.why : null) ?? "smaller `resources`, or a larger machine",
            },
          ];
    }),
  );

const amount = {
  cpus: (count: number) => `${count} processors`,
  memory: (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB of memory`,
  gpus: (count: number) =>
    count > 0 && count < 1 ? `${count} of a GPU` : count === 1 ? "1 GPU" : `${count} GPUs`,
  nodes: (count: number) => (count === 1 ? "1 node" : `${count} nodes`),
};
