/** What the stages share that sample responses from a model and have them judged: their inputs, and how these reach the trainer. */
import type { StageInputs, Surroundings, UnknownNameInParams } from "./Stage.ts";
import { one } from "./Stage.ts";

export const surrogates = ["teacher", "consensus", "blind-solve"] as const;
export type Surrogate = (typeof surrogates)[number];

/** `captioner` is the surrogate teacher's model; `solver` is blind-solve's, which without one is the policy itself. */
export const samplingInputs = {
  model: { kinds: ["model"] },
  data: { kinds: ["dataset"] },
  captioner: { kinds: ["model"], optional: true },
  solver: { kinds: ["model"], optional: true },
} as const;

export const directoriesOf = (inputs: StageInputs): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys(inputs).map((name) => [name, one(inputs, name).directory]));

/** A teacher needs somebody to ask. */
export const missingCaptioner = (
  named: ReadonlyArray<Surrogate>,
  path: ReadonlyArray<PropertyKey>,
  { inputs }: Surroundings,
): ReadonlyArray<UnknownNameInParams> =>
  named.includes("teacher") && !inputs.includes("captioner")
    ? [{ path, what: "input", name: "captioner", valid: inputs }]
    : [];
