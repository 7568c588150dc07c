/**
 * The two keys of a node: SHA-256 over canonical JSON of the fields below. Names, comments, jobs, executors, log levels
 * and resources are not among them. `test/pipelines/Keys.test.ts` pins the format with golden vectors.
 */
import type { Digest, Json } from "../schemas/Digest.ts";
import { digestJson } from "../schemas/Digest.ts";
import type { InputIdentity } from "../schemas/KeyParts.ts";

/** Raised when the meaning of a field changes, so that no old key is taken for a new one. */
const keyFormat = 1;

export interface KeyFields {
  /** Which code: the stage's name… */
  readonly stage: string;
  /** …and its version, raised whenever the same question would get another answer. */
  readonly version: number;
  /** The digest of the code itself, where it is not what the lock records for the version; else the version says it. */
  readonly code?: Digest;
  /** What was asked, defaults left out, so that a new option leaves yesterday's keys alone. */
  readonly params: Json;
  /** From what: upstream's recipe key in a recipe key, the artifact's digest in a content key. The labels of a fan-in are here since the stage sees them and may write them down. */
  readonly inputs: Readonly<Record<string, InputIdentity>>;
  /** Local files that the params name, by content: path → digest. */
  readonly sources?: Readonly<Record<string, Digest>>;
  /** The trainers' locked requirements, since another library is another experiment; the machine is not here. */
  readonly environment?: string;
}

/** The fields as canonical JSON sees them; kept with the action, so that a later miss can say which one differs. */
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

/**
 * What trainings share that differ only in their horizon: one goes on from the other's checkpoints. Nothing where no
 * param is a horizon.
 */
export const trainingKeyOf = (
  fields: KeyFields,
  horizon: ReadonlyArray<string>,
): Digest | undefined => {
  if (horizon.length === 0) return undefined;
  const params = Object.entries(fields.params as { readonly [name: string]: Json });
  const identity = Object.fromEntries(params.filter(([name]) => !horizon.includes(name)));
  return digestJson({ training: keyParts({ ...fields, params: identity }), horizon });
};
