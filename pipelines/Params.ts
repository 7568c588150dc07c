/** Params of a stage: decoded for the stage to use, and in the one form in which they enter a key. */
import { Exit, Option, Schema, type SchemaIssue } from "effect";
import { type Diagnostic, unknownName } from "../schemas/Diagnostic.ts";
import { canonicalJson, type Json } from "../schemas/Digest.ts";
import type { Stage, Surroundings } from "../stages/Stage.ts";
import { diagnose } from "./diagnose.ts";
import { type Located, type Place, placeAt, spanOf, toJson } from "./Source.ts";
import { isObject, type JsonObject } from "./jsonObject.ts";

export interface CheckedParams {
  readonly decoded: unknown;
  /** As it enters the key: what equals its default left out, so that a new option leaves old keys alone. */
  readonly key: Json;
  /** As they stand in the experiment, to show where a value comes from. */
  readonly written: Located;
}

export type ParamsCheck =
  | { readonly params: CheckedParams; readonly diagnostics: readonly [] }
  | { readonly params?: never; readonly diagnostics: ReadonlyArray<Diagnostic> };

const options = { errors: "all", onExcessProperty: "error" } as const;

/** A checker for one stage, built once and applied to every point; `around` is left out where it is not certain. */
export const paramsChecker = (stage: Stage, within: string, around: Surroundings | undefined) => {
  // Without a list of what is wrong decoding is several times faster, and mostly nothing is.
  const decode = Schema.decodeUnknownOption(stage.params, options);
  const decodeOrExplain = Schema.decodeUnknownExit(stage.params, options);
  const encode = Schema.encodeSync(stage.params) as (value: unknown) => Json;
  const reencode = (raw: Json): string | undefined => {
    const decoded = decode(raw);
    return Option.isSome(decoded) ? canonicalJson(encode(decoded.value)) : undefined;
  };
  const required = requiredKeys(decodeOrExplain({}));
  return (located: Located, otherwise: Place): ParamsCheck => {
    const raw = toJson(located);
    const option = decode(raw);
    if (Option.isNone(option)) {
      const issue = issueOf(decodeOrExplain(raw));
      if (issue === undefined)
        throw new Error(`the params schema of ${stage.name} failed without an issue`);
      return { diagnostics: diagnose(issue, located, within, otherwise) };
    }
    const decoded = option.value;
    const wrong = around === undefined ? [] : (stage.check?.(decoded, around) ?? []);
    if (wrong.length > 0) {
      return {
        diagnostics: wrong.map((complaint) => {
          const at = spanOf(placeAt(located, complaint.path));
          if ("message" in complaint) {
            const { message, expected } = complaint;
            return { message, at, expected };
          }
          const { what, name, valid } = complaint;
          return unknownName(what, name, valid, at);
        }),
      };
    }
    const elided = elideDefaults(encode(decoded), raw, required, reencode);
    const key = (stage.outsideKey ?? []).reduce(
      (kept, param) => withoutPath(kept, param.split(".")),
      elided,
    );
    return { params: { decoded, key, written: located }, diagnostics: [] };
  };
};

const issueOf = (exit: Exit.Exit<unknown, Schema.SchemaError>): SchemaIssue.Issue | undefined => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined;
  return reason?._tag === "Fail" ? reason.error.issue : undefined;
};

/** The keys that an empty object lacks: they have no default to equal. */
const requiredKeys = (exit: Exit.Exit<unknown, Schema.SchemaError>): ReadonlySet<string> => {
  const issue = issueOf(exit);
  const missing = issue === undefined ? [] : missingKeys(issue);
  return new Set(missing.map(String));
};

const missingKeys = (issue: SchemaIssue.Issue): ReadonlyArray<PropertyKey> => {
  if (issue._tag === "Composite") return issue.issues.flatMap(missingKeys);
  const isMissing = issue._tag === "Pointer" && issue.issue._tag === "MissingKey";
  return isMissing && issue.path.length === 1 ? issue.path : [];
};

const withoutKeys = (value: JsonObject, keys: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));

const withoutPath = (value: Json, [key = "", ...inside]: ReadonlyArray<string>): Json => {
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  return inside.length === 0
    ? withoutKeys(value, [key])
    : { ...value, [key]: withoutPath(value[key] ?? null, inside) };
};

/**
 * Leaves out every key whose absence means the same. What the author did not write is known to be such a key; the others
 * are tried, one after the other, by decoding without them.
 */
const elideDefaults = (
  full: Json,
  raw: Json,
  required: ReadonlySet<string>,
  reencode: (raw: Json) => string | undefined,
): Json => {
  let meaning: string | undefined;
  const meansTheSame = (other: Json) => reencode(other) === (meaning ??= canonicalJson(full));
  const elide = (value: Json, written: Json | undefined, rebuild: (value: Json) => Json): Json => {
    if (!isObject(value)) return value;
    let kept: JsonObject = isObject(written)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(written, key)))
      : value;
    for (const key of Object.keys(kept)) {
      const hasDefault = value !== full || !required.has(key);
      const without = hasDefault ? withoutKeys(kept, [key]) : kept;
      if (hasDefault && meansTheSame(rebuild(without))) kept = without;
      else if (isObject(kept[key])) {
        const child = elide(
          kept[key] ?? null,
          isObject(written) ? written[key] : undefined,
          (inner) => rebuild({ ...kept, [key]: inner }),
        );
        kept = { ...kept, [key]: child };
      }
    }
    return kept;
  };
  return elide(full, raw, (value) => value);
};
