/**
 * The runs of a store, as their directories tell: which there are, in what order they began, and what became of each. A
 * run may have been killed at any moment and its files may be damaged; that is said, and hides no other run.
 */
import { Option, Schema, Struct } from "effect";
import fs from "node:fs";
import path from "node:path";
import { namesIn } from "../cache/diskUse.ts";
import { fileName } from "../cache/fileName.ts";
import type { Digest } from "../schemas/Digest.ts";
import type { Event, EventOf } from "../schemas/Event.ts";
import { endsOfFile, endsOfLog, EventLog } from "./EventLog.ts";
import { runLives, RunPlan } from "./RunRecord.ts";

/** `killed`: its end was never written, and its process is gone. */
export type RunState = EventOf<"RunFinished">["status"] | "running" | "killed";

export interface RunSummary {
  readonly run: string;
  readonly state: RunState;
  /** UTC in ISO 8601. */
  readonly begun: string;
  readonly seconds: number;
  /** Absent where its plan can't be read. */
  readonly spec?: string;
  readonly overrides?: ReadonlyArray<string>;
  readonly nodes: number;
  readonly executed: number;
  readonly reused: number;
  readonly failed: number;
  /** Which of its files can't be read, in words. */
  readonly trouble?: string;
}

const runName = /^(?<experiment>[A-Za-z][A-Za-z0-9_-]*)-(?<number>\d+)$/u;

/** Every run of the store, the youngest last; one that somebody has renamed is a run still, and keeps what it has. */
export const runNames = (home: string): ReadonlyArray<string> => {
  const directory = path.join(home, "runs");
  const runs = namesIn(directory).flatMap((run) => {
    const { experiment = run, number } = runName.exec(run)?.groups ?? {};
    if (number === undefined && !fs.existsSync(path.join(directory, run, "plan.json"))) return [];
    if (!fs.statSync(path.join(directory, run), { throwIfNoEntry: false })?.isDirectory())
      return [];
    return [{ run, experiment, number: Number(number ?? 0), begun: begunMillis(home, run) }];
  });
  // Within an experiment the numbers are the order, also where the clock was set back in between.
  runs.sort((a, b) => a.number - b.number);
  const newest = new Map<string, number>();
  const placed = runs.map(({ run, experiment, begun }) => {
    const after = Math.max(begun, newest.get(experiment) ?? 0);
    newest.set(experiment, after);
    return { run, after };
  });
  return placed.sort((a, b) => a.after - b.after).map(({ run }) => run);
};

/** By what is written once, when a run begins, and never touched again; its directory changes with its last file. */
export const begunMillis = (home: string, run: string): number =>
  fs.statSync(path.join(home, "runs", run, "experiment.yaml"), { throwIfNoEntry: false })
    ?.mtimeMs ?? 0;

/** What became of a run, from the two ends of its files; only a run without an end has its events counted. */
export const summaryOf = (home: string, run: string, now: number): RunSummary => {
  const { first, last } = endsOfLog(home, run);
  const head = planHead(home, run);
  const started = first?._tag === "RunStarted" ? first : undefined;
  const shared = {
    run,
    begun: started?.at ?? new Date(begunMillis(home, run)).toISOString(),
    nodes: started?.nodes ?? 0,
    ...(head === undefined
      ? { trouble: `${path.join("runs", run, "plan.json")} can't be read` }
      : { spec: head.spec, overrides: head.overrides }),
  };
  if (last?._tag === "RunFinished") {
    const { status: state, executed, reused, failed, seconds } = last;
    return { ...shared, state, executed, reused, failed, seconds };
  }
  // Asked first: a run that ends meanwhile has written its end before it lets go.
  const lives = runLives(home, run);
  const events = new EventLog(home, run).read();
  const end = events.at(-1);
  if (end?._tag === "RunFinished") return summaryOf(home, run, now);
  const until = lives ? now : Date.parse(end?.at ?? shared.begun);
  return {
    ...shared,
    state: lives ? "running" : "killed",
    ...countsOf(events),
    seconds: Math.max(0, until - Date.parse(shared.begun)) / 1000,
  };
};

const countsOf = (events: ReadonlyArray<Event>) => {
  const counts = { executed: 0, reused: 0, failed: 0 };
  for (const event of events) {
    if (event._tag === "RunStarted") counts.reused += event.cached;
    else if (event._tag === "NodeReused") counts.reused += 1;
    else if (event._tag === "NodeSucceeded") counts.executed += 1;
    else if (event._tag === "NodeFailed") counts.failed += 1;
  }
  return counts;
};

const headBytes = 64 * 1024;
const decodeHead = Schema.decodeUnknownOption(
  Schema.fromJsonString(RunPlan.mapFields(Struct.omit(["nodes"]))),
);

/**
 * What `plan.json` says before it comes to the nodes, which may be a hundred thousand; nothing where it is damaged. Inside
 * of JSON's strings no quote follows a comma unescaped, so the first such text is where the nodes begin.
 */
const planHead = (home: string, run: string) => {
  const ends = endsOfFile(path.join(home, "runs", run, "plan.json"), headBytes);
  const [head, tail] = ends ?? ["", ""];
  const nodes = head.indexOf(',"nodes":[');
  if (nodes === -1 || !tail.endsWith("]}\n")) return undefined;
  return Option.getOrUndefined(decodeHead(`${head.slice(0, nodes)}}`));
};

/** What a run has as the artifact of a node: what it has made or found since it began, or else what its plan had found. */
export const artifactIn = (
  home: string,
  run: string,
  { node, cached }: Pick<RunPlan["nodes"][number], "node" | "cached">,
): Digest | undefined => {
  try {
    return path.basename(
      fs.readlinkSync(path.join(home, "runs", run, "artifacts", fileName(node))),
    );
  } catch {
    return cached;
  }
};
