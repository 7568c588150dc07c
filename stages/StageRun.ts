/** The run of a stage: its context and its result. */
import { type Effect, Schema } from "effect";
import type { EnvironmentSpec } from "../executors/EnvironmentSpec.ts";
import type { Executor } from "../executors/Executor.ts";
import type { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import type { Artifact, Cost, Summary } from "../schemas/Artifact.ts";
import type { Resources, Stage, StageDefinition } from "./Stage.ts";

/** An input at run time. Its directory is read-only. */
export interface InputArtifact {
  readonly artifact: Artifact;
  readonly directory: string;
}

/** One element of a fan-in, with the labels of its point. */
export interface FanInElement extends InputArtifact {
  readonly labels: Readonly<Record<string, string>>;
}

export type StageInputs = Readonly<Record<string, InputArtifact | ReadonlyArray<FanInElement>>>;

/** A report of a running stage; the runner adds the node and the time. */
export type StageReport =
  | {
      readonly _tag: "Progress";
      readonly done: number;
      readonly total: number;
      readonly unit: string;
    }
  | {
      readonly _tag: "Metrics";
      readonly step: number;
      readonly values: Readonly<Record<string, number>>;
    }
  | { readonly _tag: "Message"; readonly level: "info" | "warn"; readonly message: string };

export interface StageContext<Params> {
  readonly params: Params;
  readonly inputs: StageInputs;
  /** An empty directory; its files at the end are the artifact. */
  readonly output: string;
  /** The attempt's own directory: `job.json`, `log` and the like; kept when the attempt fails. */
  readonly work: string;
  /** Outlives attempts and crashes; runs that differ only in their horizon share it. Created by the stage when needed. */
  readonly checkpoints: string;
  readonly attempt: string;
  readonly resources: Resources;
  /** Exit codes that mean an infrastructure failure. */
  readonly transientExitCodes: ReadonlyArray<number>;
  /** Relative paths in params start here. */
  readonly project: string;
  readonly report: (report: StageReport) => Effect.Effect<void>;
}

export interface StageResult {
  /** Small facts: counts, shares, the last loss. */
  readonly summary: Summary;
  /** The step of the checkpoint that it resumed from. */
  readonly resumedFrom?: number;
  /** Cost of the job's process tree, for stages that run a job. */
  readonly cost?: Omit<Cost, "wallSeconds">;
}

/** The stage failed. The store is unchanged, and `work` is kept. */
export class StageFailed extends Schema.TaggedError<StageFailed>()("StageFailed", {
  message: Schema.String,
  fix: Schema.String,
  /** An infrastructure failure: the attempt is retried. */
  transient: Schema.optionalKey(Schema.Literal(true)),
}) {}

export type RunFunction<Params> = (
  context: StageContext<Params>,
) => Effect.Effect<StageResult, StageFailed, Executor | PythonEnvironment>;

export interface StageRun {
  readonly stage: Stage;
  readonly run: RunFunction<any>;
  /** Its work is a job, which an executor may start on another machine. */
  readonly runsJobs?: true;
  /** Work that its nodes with these resources and this environment share and that may begin before the first of them. */
  readonly prepare?: (
    resources: Resources,
    environment: EnvironmentSpec | undefined,
  ) => Effect.Effect<void, never, Executor | PythonEnvironment>;
}

/** Joins a declaration to its run function; the type of the params is the declaration's. */
export const stageRun = <Params>(
  stage: StageDefinition<Params>,
  run: RunFunction<Params>,
): StageRun => ({ stage, run });

/** Runs by the names of their stages. */
export type StageRuns = ReadonlyMap<string, StageRun>;

export const runsByName = (runs: ReadonlyArray<StageRun>): StageRuns =>
  new Map(runs.map((each) => [each.stage.name, each]));

/** The artifact of a point-wise input. The planner guarantees that it exists. */
export const singleInput = (inputs: StageInputs, name: string): InputArtifact => {
  const input = inputs[name];
  if (input === undefined || Array.isArray(input))
    throw new Error(`the input ${name} is no single artifact`);
  return input as InputArtifact;
};

/** The elements of a fan-in. */
export const fanIn = (inputs: StageInputs, name: string): ReadonlyArray<FanInElement> => {
  const input = inputs[name];
  if (!Array.isArray(input)) throw new Error(`the input ${name} is no fan-in`);
  return input as ReadonlyArray<FanInElement>;
};
