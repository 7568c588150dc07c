/** A run as it is compared with another: what it was asked, and what it has made, however it ended. */
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import type { Stage } from "../stages/Stage.ts";
import { compile, type Node } from "./Compile.ts";
import { EventLog } from "./EventLog.ts";
import { applyOverrides, type Overrides } from "./Overrides.ts";
import { type RunState, summaryOf } from "./RunHistory.ts";
import type { RunPlan } from "./RunRecord.ts";
import { type Located, parseSource, Source } from "./Source.ts";

export interface RunSide {
  readonly plan: RunPlan;
  readonly state: RunState;
  /** The experiment as it was run, overrides and all; absent where its text can't be read. */
  readonly spec?: Located;
  /** Its nodes by name; empty where this version of pipe can't read the experiment. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** By node: what it has, from before or made by this run. */
  readonly artifacts: ReadonlyMap<string, Digest>;
  /** By node: why it failed. */
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
  for (const event of new EventLog(home, plan.run).read()) {
    if (event._tag === "NodeSucceeded" || event._tag === "NodeReused")
      artifacts.set(event.node, event.artifact);
    else if (event._tag === "NodeFailed") failures.set(event.node, event.message);
  }
  const { state } = summaryOf(home, plan.run, now);
  return { plan, state, ...readSpec(home, plan, registry), artifacts, failures };
};

const readSpec = (
  home: string,
  { run, overrides }: RunPlan,
  registry: ReadonlyMap<string, Stage>,
): Pick<RunSide, "spec" | "nodes"> => {
  const file = path.join(home, "runs", run, "experiment.yaml");
  if (!fs.existsSync(file)) return { nodes: new Map() };
  const source = new Source(path.relative(process.cwd(), file), fs.readFileSync(file, "utf8"));
  const edits = overridesIn(overrides);
  const parsed = parseSource(source).value;
  const { graph } = compile(source, edits, registry);
  return {
    ...(parsed === undefined ? {} : { spec: applyOverrides(parsed, edits).value }),
    nodes: new Map(graph?.nodes.map((node) => [node.name, node])),
  };
};

/** As `plan.json` has them: `--set model.steps=300`. */
const overridesIn = (overrides: ReadonlyArray<string>): Overrides => {
  const of = (flag: string) =>
    overrides.flatMap((text) => (text.startsWith(flag) ? [text.slice(flag.length)] : []));
  return { set: of("--set "), axis: of("--axis ") };
};
