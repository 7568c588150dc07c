/** The resources for a run. Nodes that demand more are refused before anything starts. */
import { Effect } from "effect";
import { Executor, type JobCapacity } from "../../executors/Executor.ts";
import { machineCapacity } from "../../executors/machineCapacity.ts";
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
  const needsGpus = here.some(({ resources }) => resources.gpus > 0);
  const machine = yield* machineCapacity(needsGpus);
  const capacity: Resources = { cpus: jobs, memory: machine.memory, gpus: machine.gpus };
  const diagnostics = [
    ...tooLarge(here, { ...machine, cpus: Infinity }),
    ...(elsewhere.length === 0 ? [] : tooLarge(elsewhere, yield* executor.capacity)),
  ];
  return diagnostics.length === 0 ? capacity : yield* new InvalidSpec({ diagnostics });
});

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
