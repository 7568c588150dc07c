/**
 * The declaration of a stage: name, version, params, inputs, output. Its run lies beside it, `Score.run.ts` beside
 * `Score.ts` (see `StageRun.ts`), so code that only reads declarations imports no trainer.
 *
 * A new stage `x-y` is `XY.ts` with a line in `stages.ts`, and `XY.run.ts` with a line in `runs.ts`. The exemplars to copy
 * are `Score` (in this process) and `Sft` (a trainer's job).
 */
import type { Schema } from "effect";
import type { EnvironmentSpec } from "../executors/EnvironmentSpec.ts";
import type { ArtifactKind } from "../schemas/Artifact.ts";

/** The resources of a node while it runs. */
export interface Resources {
  /** Processor slots, out of `--jobs`; also the number of threads of its libraries. */
  readonly cpus: number;
  /** Bytes reserved; 0 if the experiment gives none. */
  readonly memory: number;
  /** GPUs reserved; 0.25 is a share of one. */
  readonly gpus: number;
  /** Nodes of a cluster, each with the resources above; one where absent. */
  readonly nodes?: number;
}

/** The default is one thread a node: two jobs side by side are faster than one on two cores. */
export const modestResources: Resources = { cpus: 1, memory: 0, gpus: 0 };

/** The node that an input comes from, as the experiment declares it. */
export interface Upstream {
  /** The name of the node. */
  readonly name: string;
  /** The name of its stage. */
  readonly stage: string;
  readonly params: unknown;
  /** The node behind one of its own inputs; undefined for an input that it does not have, or a fan-in. */
  readonly input: (name: string) => Upstream | undefined;
}

/** One input of a stage. */
export interface InputDeclaration {
  readonly kinds: ReadonlyArray<ArtifactKind>;
  /** Takes a fan-in: one artifact for each point, with its labels. */
  readonly many?: true;
  readonly optional?: true;
  /** The param that reads this input. Where it is not set, the node does not have the input, nor does its key; without one, it is always read. */
  readonly reader?: { readonly param: string; readonly isSet: (params: any) => boolean };
  /** Problems of the stage's params together with the node that this input comes from, found before anything runs. */
  readonly check?: (params: any, upstream: Upstream) => ReadonlyArray<ParamsProblem>;
}

/** The names that params may refer to: the inputs of the stage and the axes of its fan-ins. */
export interface Surroundings {
  readonly inputs: ReadonlyArray<string>;
  readonly axes: ReadonlyArray<string>;
  /** The labels of each of these axes. */
  readonly labels: Readonly<Record<string, ReadonlyArray<string>>>;
  /** The axes among these whose values come from the command line, which may leave some out. */
  readonly overridden: ReadonlyArray<string>;
}

export interface ProjectSurroundings {
  /** The names of the stage's inputs. */
  readonly inputs: ReadonlyArray<string>;
  /** True for a file of the project; the path is relative to it. */
  readonly isFile: (path: string) => boolean;
}

/** An unknown name inside the params, at `path`. */
export interface UnknownParamsName {
  readonly path: ReadonlyArray<PropertyKey>;
  readonly what: string;
  readonly name: string;
  readonly valid: ReadonlyArray<string>;
}

/** A problem at `path` that the schema of the params can't express. */
export interface ParamsProblem {
  readonly path: ReadonlyArray<PropertyKey>;
  readonly message: string;
  readonly expected: string;
}

/** The stage behind an input, now or in an earlier run. */
export type Maker = Pick<Upstream, "stage" | "params">;

export interface StageDefinition<Params> {
  readonly name: string;
  /** Part of every key. Raise it whenever the same params and inputs give different output. */
  readonly version: number;
  readonly summary: string;
  /** Stages of an experiment, as YAML. The examples of all stages together are a whole experiment. */
  readonly example: string;
  readonly params: Schema.Codec<Params, any>;
  /** Params that can't change the output, only prevent it; a dot names a param inside another: `captioner.url`. */
  readonly outsideKey?: ReadonlyArray<string>;
  /** Problems of the params in this experiment, such as names of inputs that it does not have. */
  readonly check?: (
    params: Params,
    around: Surroundings,
  ) => ReadonlyArray<UnknownParamsName | ParamsProblem>;
  /** Its program may be started on several nodes at once, and knows by torchrun's variables which one it is on. */
  readonly onSeveralNodes?: true;
  /** Params that probably are mistakes: shown as notes, nothing is refused. */
  readonly hints?: (params: Params, around: ProjectSurroundings) => ReadonlyArray<ParamsProblem>;
  /** By name; `any` accepts every name and kind. */
  readonly inputs: Readonly<Record<string, InputDeclaration>> | "any";
  readonly output: ArtifactKind;
  /** Its Python environment, whose identity is part of the key. */
  readonly environment?: (params: Params) => EnvironmentSpec;
  /** The trainers it may run, `trainers/<name>.py`, whose code is part of the stage's; the first unless its run says another. */
  readonly trainers?: readonly [string, ...Array<string>];
  /** The trainer asks the scorer (`pipe score`), whose code is part of the stage's. */
  readonly scorer?: true;
  /**
   * The params of a training that only say how far it goes, such as `steps`. Trainings that differ in nothing else resume
   * from each other's checkpoints.
   */
  readonly horizon?: (params: Params) => ReadonlyArray<string>;
  /** The amount that its time grows with, such as training steps; undefined where the inputs don't say. */
  readonly work?: (
    params: Params,
    maker: (input: string) => Maker | undefined,
  ) => number | undefined;
  /** Local paths, relative to the project, whose content is part of the key. */
  readonly sources?: (params: Params) => ReadonlyArray<string>;
}

/** A stage of any params. */
export type Stage = StageDefinition<any>;

/** Declares a stage; the params' type follows from the schema. */
export const stage = <Params>(definition: StageDefinition<Params>): StageDefinition<Params> =>
  definition;
