/** A run while it is written: its spec, its plan, its event log, its logs, and links to what it made. */
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { OwnerLock, seemsAlive } from "../../cache/OwnerLock.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import type { Event } from "../../schemas/Event.ts";
import type { Overrides } from "../../schemas/Overrides.ts";
import type { Node } from "../experiment/Node.ts";
import type { Plan } from "../plan/Plan.ts";
import type { RunPlan, RunPlanNode } from "./RunPlan.ts";

interface RunStart {
  readonly home: string;
  readonly plan: Plan;
  readonly spec: { readonly file: string; readonly text: string };
  readonly overrides: Overrides;
}

export class RunRecord {
  readonly name: string;
  private readonly directory: RunDirectory;
  private readonly lock: OwnerLock;
  private readonly events: number;

  /** Writes the directory under `incoming/` and renames it: a run that has its name is whole, and its process is known. */
  constructor({ home, plan, spec, overrides }: RunStart) {
    const owner = randomUUID();
    this.lock = new OwnerLock(ownerFile(home, owner));
    const incoming = new RunDirectory(path.join(home, "incoming", owner));
    for (const part of [incoming.links, incoming.logs]) fs.mkdirSync(part, { recursive: true });
    fs.writeFileSync(incoming.spec, spec.text);
    fs.writeFileSync(incoming.owner, owner);
    const { experiment } = plan;
    const nodes = plan.nodes.map(runPlanNode);
    this.name = claimName(RunDirectory.all(home), experiment, incoming.path, (run) => {
      const runPlan: RunPlan = { run, experiment, spec: spec.file, overrides, nodes };
      fs.writeFileSync(incoming.plan, `${JSON.stringify(runPlan)}\n`);
    });
    this.directory = RunDirectory.of(home, this.name);
    this.events = fs.openSync(this.directory.events, "a");
  }

  append(event: Event) {
    fs.writeSync(this.events, `${JSON.stringify(event)}\n`);
  }

  /** Hard-links the log, which outlives the attempt's directory; a later attempt's log replaces it. */
  keepLog({ name }: Node, log: string) {
    if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
    const kept = this.directory.logOf(name);
    fs.rmSync(kept, { force: true });
    fs.linkSync(log, kept);
  }

  /** Links a node to the directory of its artifact. Links are for people, so one that fails is left out. */
  link({ name }: Node, artifact: string) {
    try {
      const target = path.relative(this.directory.links, artifact);
      fs.symlinkSync(target, this.directory.linkOf(name));
    } catch {
      // The artifact is committed, with or without a link.
    }
  }

  close() {
    fs.closeSync(this.events);
    this.lock.release();
  }
}

export const beginRun = (start: RunStart) =>
  Effect.try({
    try: () => new RunRecord(start),
    catch: storeTrouble("the run's directory can't be written"),
  });

const runPlanNode = ({ node, recipe, status, found }: Plan["nodes"][number]): RunPlanNode => ({
  node: node.name,
  stageName: node.stageName,
  stage: node.stage.name,
  kind: node.stage.output,
  labels: node.labels,
  recipe,
  ...(status === "cached" && found !== undefined ? { cached: found.artifact } : {}),
});

const ownerFile = (home: string, owner: string) => path.join(home, "owners", owner);

/** Whether the process of a run still lives. */
export const isRunAlive = (home: string, run: string): boolean => {
  const { owner } = RunDirectory.of(home, run);
  return fs.existsSync(owner) && seemsAlive(ownerFile(home, fs.readFileSync(owner, "utf8")));
};

/**
 * Names count up per experiment: `sft-lambda-3`. Renaming onto a directory with files fails, so two runs that begin
 * together get two numbers.
 */
const claimName = (
  runs: string,
  experiment: string,
  incoming: string,
  write: (name: string) => void,
): string => {
  const numbers = fs.readdirSync(runs).flatMap((name) => {
    const number = name.startsWith(`${experiment}-`)
      ? Number(name.slice(experiment.length + 1))
      : Number.NaN;
    return Number.isInteger(number) ? [number] : [];
  });
  for (let number = Math.max(0, ...numbers) + 1; ; number += 1) {
    const name = `${experiment}-${number}`;
    write(name);
    try {
      fs.renameSync(incoming, path.join(runs, name));
      return name;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    }
  }
};
