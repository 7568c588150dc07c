/** The supervisor's program: its description, news and answer. */
import type { JobEnd } from "./Executor.ts";

/** `environment` is complete; stdout and stderr are appended to `log`. */
export interface Program {
  readonly id: string;
  readonly command: readonly [string, ...Array<string>];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: string;
  /** Number of GPUs, or share of one, to lease before it starts; CUDA_VISIBLE_DEVICES then names them. */
  readonly gpus: number;
  /** See `Job.preload`. */
  readonly preload?: string | undefined;
}

/** A process that forks jobs with their packages imported: its interpreter, file of imports, and environment. */
export interface Preload {
  readonly python: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** News of a program before its end: about its GPUs, or a preload that failed (`cold`). */
export type News =
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "started" }
  | { readonly kind: "cold"; readonly why: string };

export type Answer =
  | { readonly kind: "ended"; readonly end: JobEnd }
  | { readonly kind: "failed"; readonly why: string; readonly fix: string | null }
  | { readonly kind: "unavailable"; readonly why: string }
  | { readonly kind: "lost"; readonly why: string };

export const isAnswer = (message: Answer | News): message is Answer =>
  message.kind !== "waiting" && message.kind !== "started" && message.kind !== "cold";
