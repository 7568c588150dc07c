/** What this machine has for the nodes that a run is to make; one that asks for more than that is refused before anything starts. */
import { Effect } from "effect";
import { machineResources } from "../executors/machineResources.ts";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import type { Resources } from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import { spanOf } from "./Source.ts";

/** `jobs` processor slots, and the machine's memory and GPUs. More processors than there are slots mean: all of them. */
export const roomFor = Effect.fnUntraced(function* (due: ReadonlyArray<Node>, jobs: number) {
  const machine = machineResources();
  // Asking for GPUs takes a second: only where somebody wants one.
  const wanted = due.some(({ resources }) => resources.gpus > 0);
  const gpus = wanted ? yield* machine.gpus : { count: 0, why: null };
  const capacity: Resources = { cpus: jobs, memory: machine.memoryBytes, gpus: gpus.count };
  const first = new Map<string, Node>();
  for (const node of due) if (!first.has(node.stageName)) first.set(node.stageName, node);
  const diagnostics = [...first.values()].flatMap((node) =>
    (["memory", "gpus"] as const).flatMap((name) =>
      node.resources[name] <= capacity[name]
        ? []
        : [
            {
              message: `\`${node.stageName}\` asks for ${amount[name](node.resources[name])}; this machine has ${amount[name](capacity[name])}`,
              at: spanOf(node.at),
              expected:
                (name === "gpus" ? gpus.why : null) ??
                "at most what the machine has, or a machine that has more",
            },
          ],
    ),
  );
  return diagnostics.length === 0 ? capacity : yield* new InvalidSpec({ diagnostics });
});

const amount = {
  memory: (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB of memory`,
  gpus: (count: number) =>
    count > 0 && count < 1 ? `${count} of a GPU` : count === 1 ? "1 GPU" : `${count} GPUs`,
};
