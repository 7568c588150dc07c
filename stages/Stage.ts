/**
 * What a stage declares once, for every experiment: its params, what it takes, what it makes, and how.
 *
 * The exemplars to copy are `Score.ts` (in this process) and `Sft.ts` (a trainer's job).
 */
import { type Effect, Schema } from "effect";
import type { Executor } from "../executors/Executor.ts";
import type { PythonEnvironment } from "../executors/PythonEnvironment.ts";
import type { Artifact, ArtifactKind, Cost, Summary } from "../schemas/Artifact.ts";

/** What a node takes of the machine it runs on. */
export interface Resources {
  /** Processor slots, out of `--jobs`; also how many threads its libraries may start. */
  readonly cpus: number;
  /** Bytes set aside; 0 where nobody has said. */
  readonly memory: number;
  /** GPUs of its own. */
  readonly gpus: number;
}

/** One thread a node unless the experiment says otherwise: two jobs side by side beat one on two cores. */
export const modestResources: Resources = { cpus: 1, memory: 0, gpus: 0 };

/** The stage that an input comes from, as far as the experiment tells. */
export interface Upstream {
  /** As the node is called. */
  readonly name: string;
  /** The kind of work. */
  readonly stage: string;
  readonly params: unknown;
}

/** What a stage accepts under one input's name. */
export interface InputDeclaration {
  readonly kinds: ReadonlyArray<ArtifactKind>;
  /** Takes a fan-in: one artifact for each point, with its labels. */
  readonly many?: true;
  /** May be left out. */
  readonly optional?: true;
  /** What is wrong with the stage's params beside what will come in here, known before anything runs; of one artifact. */
  readonly check?: (params: any, upstream: Upstream) => ReadonlyArray<ComplaintAboutParams>;
}

/** An input at run time: the artifact, and where its files can be read. Nothing may be written there. */
export interface InputArtifact {
  readonly artifact: Artifact;
  readonly directory: string;
}

/** One element of a fan-in: the artifact made at the point that the labels name. */
export interface FanInElement extends InputArtifact {
  readonly labels: Readonly<Record<string, string>>;
}

export type StageInputs = Readonly<Record<string, InputArtifact | ReadonlyArray<FanInElement>>>;

/** What a stage says while it works; the engine adds the node and the time. */
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
  /** An empty directory: what stands in it at the end is the artifact. */
  readonly output: string;
  /** The attempt's own directory: `job.json`, `log` and the like; kept when the attempt fails. */
  readonly work: string;
  /** Outlives attempts and crashes; shared by runs that differ only in their horizon. To be made when it is needed. */
  readonly checkpoints: string;
  readonly attempt: string;
  readonly resources: Resources;
  /** Exit codes by which a program says that the machinery failed it. */
  readonly transientExitCodes: ReadonlyArray<number>;
  /** The directory that relative paths in the experiment's params start from. */
  readonly project: string;
  readonly report: (report: StageReport) => Effect.Effect<void>;
}

export interface StageResult {
  /** Small facts worth telling: counts, shares, the last loss. */
  readonly summary: Summary;
  /** The step of the checkpoint that it went on from. */
  readonly resumedFrom?: number;
  /** What the job's process tree cost, where there was one. */
  readonly cost?: Omit<Cost, "wallSeconds">;
}

/** The stage could not do its work; the store is as it was, and `work` is kept. */
export class StageFailed extends Schema.TaggedError<StageFailed>()("StageFailed", {
  message: Schema.String,
  fix: Schema.String,
  /** The machinery failed, not the work: worth another try. */
  transient: Schema.optionalKey(Schema.Literal(true)),
}) {}

/** The names that params of a placed stage may speak of: its inputs, and the axes that its fan-ins run over. */
export interface Surroundings {
  readonly inputs: ReadonlyArray<string>;
  readonly axes: ReadonlyArray<string>;
}

/** A name inside the params, at `path`, that stands for nothing. */
export interface UnknownNameInParams {
  readonly path: ReadonlyArray<PropertyKey>;
  readonly what: string;
  readonly name: string;
  readonly valid: ReadonlyArray<string>;
}

/** Anything else at `path` that the params alone can't say is wrong. */
export interface ComplaintAboutParams {
  readonly path: ReadonlyArray<PropertyKey>;
  readonly message: string;
  readonly expected: string;
}

export interface StageDefinition<Params> {
  readonly name: string;
  /** Raised whenever the same params and inputs would give other output: it is in every key. */
  readonly version: number;
  readonly summary: string;
  readonly params: Schema.Codec<Params, any>;
  /** Params that can't change the output, only whether there is one; `captioner.url` is one inside another. */
  readonly outsideKey?: ReadonlyArray<string>;
  /** What is wrong with the params where the stage is placed, such as names in them that stand for nothing there. */
  readonly check?: (
    params: Params,
    around: Surroundings,
  ) => ReadonlyArray<UnknownNameInParams | ComplaintAboutParams>;
  /** By name; `any` takes inputs of every name and kind. */
  readonly inputs: Readonly<Record<string, InputDeclaration>> | "any";
  readonly output: ArtifactKind;
  /** Lock files (absolute paths) of the Python environment it runs in, whose identity then is part of the key. */
  readonly environment?: ReadonlyArray<string>;
  /** The trainer it runs, `trainers/<name>.py`, whose code then is part of the stage's. */
  readonly trainer?: string;
  /** The trainer asks `pipe score`, whose judgement then is part of the stage's code. */
  readonly scorer?: true;
  /**
   * For stages that train: the params that only say how far to go. Runs that differ in nothing else go on from one
   * another's checkpoints.
   */
  readonly horizon?: (params: Params) => ReadonlyArray<string>;
  /** Local paths (relative to the project) whose content is part of the key. */
  readonly sources?: (params: Params) => ReadonlyArray<string>;
  readonly run: (
    context: StageContext<Params>,
  ) => Effect.Effect<StageResult, StageFailed, Executor | PythonEnvironment>;
}

/** A stage whose params are known only to itself. */
export type Stage = StageDefinition<any>;

/** Declares a stage; the params' type follows from the schema. */
export const stage = <Params>(definition: StageDefinition<Params>): StageDefinition<Params> =>
  definition;

/** The one artifact of a point-wise input. The planner has made sure that it is there. */
export const one = (inputs: StageInputs, name: string): InputArtifact => {
  const input = inputs[name];
  if (input === undefined || Array.isArray(input))
    throw new Error(`the input ${name} is no single artifact`);
  return input as InputArtifact;
};

/** The elements of a fan-in. */
export const many = (inputs: StageInputs, name: string): ReadonlyArray<FanInElement> => {
  const input = inputs[name];
  if (!Array.isArray(input)) throw new Error(`the input ${name} is no fan-in`);
  return input as ReadonlyArray<FanInElement>;
};
