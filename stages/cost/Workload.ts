/**
 * The workload of a stage: what it computes, holds and keeps, from its params and what is known of its inputs. It lies beside the
 * declaration, `Generate.workload.ts` beside `Generate.ts`, with a line in `workloads.ts`; it is no part of its stage's code identity. A
 * stage without one is not estimated.
 */
import type { Maker, StageDefinition } from "../Stage.ts";
import type { Activity, Machine, Program } from "./Machine.ts";
import type { ModelShape } from "./ModelShape.ts";

export interface Workload {
  /** Floating-point operations of all devices together. */
  readonly compute: Readonly<Partial<Record<Activity, number>>>;
  /** The program that computes; by default `transformers`. */
  readonly program?: Program;
  /** Trained on or written, prompts not counted. */
  readonly tokens: number;
  /** Bytes at the worst moment, of each device. */
  readonly memory: number;
  /** Bytes that stay in the store, checkpoints included. */
  readonly disk: number;
}

/** A workload that depends on something that nobody has said; `fix` is what to type. */
export interface UnknownWorkload {
  readonly unknown: string;
  readonly fix: string;
}

/** The surroundings that a workload depends on besides the params. */
export interface Surrounded {
  /** The shape of the input `model`, or of the model that the stage begins with. */
  readonly model: ModelShape | undefined;
  readonly maker: (input: string) => Maker | undefined;
  /** The bytes of an input whose artifact is in the store. */
  readonly stored: (input: string) => number | undefined;
  readonly machine: Machine;
  readonly devices: number;
  /** Mean tokens of a response that the person assumes. */
  readonly responseTokens: number | undefined;
}

export interface StageWorkload<Params> {
  /** The shape of the model that a stage makes without another model. */
  readonly shape?: (params: Params) => ModelShape | undefined;
  readonly of?: (params: Params, around: Surrounded) => Workload | UnknownWorkload;
}

/** A workload whose stage's params only it knows. */
export interface WorkloadOf extends StageWorkload<any> {
  readonly stage: string;
}

export const workload = <Params>(
  stage: StageDefinition<Params>,
  how: StageWorkload<Params>,
): WorkloadOf => ({ ...how, stage: stage.name });

/** Tokens of a question with its picture: about 200 of a picture of 450 pixels, 16 of one of 64. */
export const promptTokens = ({ isMicro }: ModelShape): number => (isMicro === true ? 16 : 512);

export const noModel: UnknownWorkload = {
  unknown: "the size of its model",
  fix: "give the stage `pretrained` its `parameters`",
};

export const noLength: UnknownWorkload = {
  unknown: "how long responses are",
  fix: "--tokens N assumes a mean",
};

/** The mean length of a response: what is assumed, within the bound, or the bound. */
export const meanResponse = (
  bound: number | null,
  assumed: number | undefined,
): number | undefined =>
  bound === null ? assumed : assumed === undefined ? bound : Math.min(bound, assumed);
