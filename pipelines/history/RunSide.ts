/** One of two compared runs: its experiment, and its results, however it ended. */
import fs from "node:fs";
import path from "node:path";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import type { Digest } from "../../schemas/Digest.ts";
import type { Event } from "../../schemas/Event.ts";
import type { Stage } from "../../stages/Stage.ts";
import { compile } from "../experiment/Compile.ts";
import type { Node } from "../experiment/Node.ts";
import { EventLog } from "./EventLog.ts";
import { applyOverrides } from "../experiment/Overrides.ts";
import { type RunState, summaryOf } from "./RunHistory.ts";
import type { RunPlan } from "./RunPlan.ts";
import type { Located } from "../experiment/Located.ts";
import { parseSource } from "../experiment/parseSource.ts";
import { Source } from "../experiment/Source.ts";

export interface RunSide {
  readonly plan: RunPlan;
  readonly state: RunState;
  /** The experiment with the run's overrides; absent where it can't be read. */
  readonly spec?: Located;
  /** By name; empty where this version of pipe can't compile the experiment. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** By node, whether cached when the run began or made by the run. */
  readonly artifacts: ReadonlyMap<string, Digest>;
  readonly events: ReadonlyArray<Event>;
  /** Messages by node. */
  readonly failures: ReadonlyMap<string, string>;
}

export const readSide = (
  home: string,
  plan: RunPlan,
  registry: ReadonlyMap<string, Stage>,
  now: number,
): RunSide => {
  const artifacts = new Map(
    plan.nodes.flatMap(({ node, cached }) =>
      cached === undefined ? [] : [[node, cached] as const],
    ),
  );
  const failures = new Map<string, string>();
  const events = new EventLog(home, plan.run).read();
  for (const event of events) {
    if (event._tag === "NodeSucceeded" || event._tag === "NodeReused")
      artifacts.set(event.node, event.artifact);
    else if (event._tag === "NodeFailed") failures.set(event.node, event.message);
  }
  const { state } = summaryOf(home, plan.run, now);
  return { plan, state, ...readSpec(home, plan, registry), artifacts, events, failures };
};

const readSpec = (
  home: string,
  { run, overrides }: RunPlan,
  registry: ReadonlyMap<string, Stage>,
): Pick<RunSide, "spec" | "nodes"> => {
  const file = RunDirectory.of(home, run).spec;
  if (!fs.existsSync(file)) return { nodes: new Map() };
  const source = new Source(path.relative(process.cwd(), file), fs.readFileSync(file, "utf8"));
  const parsed = parseSource(source).value;
  const { graph } = compile(source, overrides, registry);
  return {
    ...(parsed === undefined ? {} : { spec: applyOverrides(parsed, overrides).value }),
    nodes: new Map(graph?.nodes.map((node) => [node.name, node])),
  };
};
