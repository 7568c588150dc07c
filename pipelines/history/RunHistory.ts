/**
 * The runs of a store in the order in which they began, with the summary of each. A run may have been killed at any
 * moment, and its files may be damaged: the summary says so, and other runs are still listed.
 */
import { Option, Schema, Struct } from "effect";
import fs from "node:fs";
import path from "node:path";
import { namesIn } from "../../cache/diskUse.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import type { Digest } from "../../schemas/Digest.ts";
import type { Event, EventOf } from "../../schemas/Event.ts";
import type { Overrides } from "../../schemas/Overrides.ts";
import { endsOfFile, endsOfLog, EventLog } from "./EventLog.ts";
import { isRunAlive } from "./RunRecord.ts";
import { RunPlan } from "./RunPlan.ts";

/** `killed`: the log has no end, and the process is dead. */
export type RunState = EventOf<"RunFinished">["status"] | "running" | "killed";

export interface RunSummary {
  readonly run: string;
  readonly state: RunState;
  /** UTC in ISO 8601. */
  readonly begun: string;
  readonly seconds: number;
  /** Absent where its plan can't be read. */
  readonly spec?: string;
  readonly overrides?: Overrides;
  readonly nodes: number;
  readonly executed: number;
  readonly reused: number;
  readonly failed: number;
  /** The unreadable file, as a sentence. */
  readonly trouble?: string;
}

const runName = /^(?<experiment>[A-Za-z][A-Za-z0-9_-]*)-(?<number>\d+)$/u;

/** Every run of the store, the newest last. A directory that somebody renamed still counts, so `pipe gc` keeps its artifacts. */
export const runNames = (home: string): ReadonlyArray<string> => {
  const runs = namesIn(RunDirectory.all(home)).flatMap((run) => {
    const { experiment = run, number } = runName.exec(run)?.groups ?? {};
    if (number === undefined && !fs.existsSync(RunDirectory.of(home, run).plan)) return [];
    const { path: directory } = RunDirectory.of(home, run);
    if (!fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return [];
    return [{ run, experiment, number: Number(number ?? 0), begun: begunMillis(home, run) }];
  });
  // Numbers decide within an experiment, since the clock may have been set back.
  runs.sort((a, b) => a.number - b.number);
  const newest = new Map<string, number>();
  const ordered = runs.map(({ run, experiment, begun }) => {
    const time = Math.max(begun, newest.get(experiment) ?? 0);
    newest.set(experiment, time);
    return { run, time };
  });
  return ordered.sort((a, b) => a.time - b.time).map(({ run }) => run);
};

/** The modification time of the spec, which is written once, at the beginning. */
export const begunMillis = (home: string, run: string): number =>
  fs.statSync(RunDirectory.of(home, run).spec, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Summarizes a run from the ends of its files. Only for a run without an end are its events counted. */
export const summaryOf = (home: string, run: string, now: number): RunSummary => {
  const { first, last } = endsOfLog(home, run);
  const head = planHead(home, run);
  const started = first?._tag === "RunStarted" ? first : undefined;
  const shared = {
    run,
    begun: started?.at ?? new Date(begunMillis(home, run)).toISOString(),
    nodes: started?.nodes ?? 0,
    ...(head === undefined
      ? { trouble: `${path.relative(home, RunDirectory.of(home, run).plan)} can't be read` }
      : { spec: head.spec, overrides: head.overrides }),
  };
  if (last?._tag === "RunFinished") {
    const { status: state, executed, reused, failed, seconds } = last;
    return { ...shared, state, executed, reused, failed, seconds };
  }
  // Read before the log: a run writes its end before it releases its lock.
  const lives = isRunAlive(home, run);
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
 * The part of `plan.json` before its nodes, which may be 100,000; undefined where the file is damaged. A JSON string
 * can't contain `,"` unescaped, so the first `,"nodes":[` is where the nodes begin.
 */
const planHead = (home: string, run: string) => {
  const ends = endsOfFile(RunDirectory.of(home, run).plan, headBytes);
  const [head, tail] = ends ?? ["", ""];
  const nodes = head.indexOf(',"nodes":[');
  if (nodes === -1 || !tail.endsWith("]}\n")) return undefined;
  return Option.getOrUndefined(decodeHead(`${head.slice(0, nodes)}}`));
};

/** A run's artifact of a node: the one that the run linked, else the one that its plan found. */
export const artifactIn = (
  home: string,
  run: string,
  { node, cached }: Pick<RunPlan["nodes"][number], "node" | "cached">,
): Digest | undefined => {
  try {
    return path.basename(fs.readlinkSync(RunDirectory.of(home, run).linkOf(node)));
  } catch {
    return cached;
  }
};
