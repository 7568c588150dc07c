/**
 * The recipe key and the content key of a node: SHA-256 over canonical JSON of the fields below. Names, comments, jobs,
 * executors, log levels and resources are left out. `test/pipelines/plan/Keys.test.ts` pins the format with golden vectors.
 */
import { type Digest, digestJson, type Json } from "../../schemas/Digest.ts";
import type { InputIdentity } from "../../schemas/KeyParts.ts";

/** Raise it when the meaning of a field changes, so that no old key equals a new one. */
const keyFormat = 1;

export interface KeyFields {
  /** The registered name of the stage, which with `version` identifies its code. */
  readonly stage: string;
  /** Raised whenever the same params and inputs would give another output. */
  readonly version: number;
  /** The digest of the code, only where it differs from the code that `stages.lock.json` records for the version. */
  readonly code?: Digest;
  /** Without defaults, so that a new option changes no existing key. */
  readonly params: Json;
  /** Recipe keys in a recipe key, digests of artifacts in a content key. A fan-in has its labels, since stages see them. */
  readonly inputs: Readonly<Record<string, InputIdentity>>;
  /** Local files that the params name, since their content decides the output: path → digest. */
  readonly sources?: Readonly<Record<string, Digest>>;
  /** The trainer's locked requirements, since another library may give other results. The machine is left out. */
  readonly environment?: string;
}

/** The fields as JSON. Actions keep them, so that a later miss can name the field that differs. */
export const keyParts = (fields: KeyFields): Json => ({
  format: keyFormat,
  stage: fields.stage,
  version: fields.version,
  ...(fields.code === undefined ? {} : { code: fields.code }),
  params: fields.params,
  inputs: fields.inputs as Json,
  ...(fields.sources === undefined ? {} : { sources: fields.sources }),
  ...(fields.environment === undefined ? {} : { environment: fields.environment }),
});

export const keyOf = (fields: KeyFields): Digest => digestJson(keyParts(fields));

/** The keys under which a node's work is claimed, kept and recorded. */
export interface WorkKeys {
  readonly fields: KeyFields;
  readonly content: Digest;
  /** Equal for trainings that differ only in their horizon: they share checkpoints. Absent where the stage has none. */
  readonly training: Digest | undefined;
}

/** `horizon` names the params that only say how far to train. */
export const workKeys = (fields: KeyFields, horizon: ReadonlyArray<string>): WorkKeys => ({
  fields,
  content: keyOf(fields),
  training: trainingKeyOf(fields, horizon),
});

const trainingKeyOf = (fields: KeyFields, horizon: ReadonlyArray<string>): Digest | undefined => {
  if (horizon.length === 0) return undefined;
  const params = Object.entries(fields.params as { readonly [name: string]: Json });
  const identity = Object.fromEntries(params.filter(([name]) => !horizon.includes(name)));
  return digestJson({ training: keyParts({ ...fields, params: identity }), horizon });
};
