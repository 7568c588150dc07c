/** The largest node of the partition, and how many nodes it has. */
import { Effect } from "effect";
import type { SlurmSite } from "../../schemas/Site.ts";
import type { JobCapacity } from "../Executor.ts";
import { slurmCommand } from "./commands.ts";

/** Without an answer of Slurm nothing is refused here: `sbatch` will say. */
export const clusterCapacity = Effect.fnUntraced(function* ({ partition }: SlurmSite) {
  const place = partition === undefined ? "the cluster" : `the partition ${partition}`;
  const words = partition === undefined ? [] : [`--partition=${partition}`];
  const answer = yield* slurmCommand("sinfo", ["-h", "-N", ...words, "-o", "%c|%m|%G"]);
  const nodes = answer.stdout.split("\n").flatMap(readNode);
  if (nodes.length === 0) return { place, node: place, ...unknown };
  const most = (name: "cpus" | "memory" | "gpus") => Math.max(...nodes.map((node) => node[name]));
  const capacity: JobCapacity = {
    place,
    node: `the largest node of ${place}`,
    cpus: most("cpus"),
    memory: most("memory"),
    gpus: most("gpus"),
    nodes: nodes.length,
    why: null,
  };
  return capacity;
});

const unknown = { cpus: Infinity, memory: Infinity, gpus: Infinity, nodes: Infinity, why: null };
const megabyte = 1 << 20;

const readNode = (line: string) => {
  const [cpus, memory, gres] = line.trim().split("|");
  if (gres === undefined) return [];
  const gpus = [...gres.matchAll(/gpu(?::[^:,()]+)?:(\d+)/gu)].map(([, count]) => Number(count));
  return [
    {
      cpus: parseInt(cpus ?? "", 10),
      memory: parseInt(memory ?? "", 10) * megabyte,
      gpus: gpus.reduce((sum, count) => sum + count, 0),
    },
  ];
};
