/** Params of a stage: decoded for the stage, and in canonical form for the key. */
import { Exit, Option, Schema, type SchemaIssue } from "effect";
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import { canonicalJson, type Json } from "../../schemas/Digest.ts";
import type { Stage, Surroundings } from "../../stages/Stage.ts";
import { diagnose } from "./diagnose.ts";
import { type Located, placeAt, toJson } from "./Located.ts";
import { type Place, spanOf } from "./Source.ts";
import { isObject, type JsonObject } from "./jsonObject.ts";
import { asWritten } from "./writtenText.ts";

export interface CheckedParams {
  readonly decoded: unknown;
  /** Without values that equal their defaults, so that a new option changes no existing key. */
  readonly key: Json;
  /** With places in the experiment. */
  readonly located: Located;
}

export type ParamsCheck =
  | { readonly params: CheckedParams; readonly diagnostics: readonly [] }
  | { readonly params?: never; readonly diagnostics: ReadonlyArray<Diagnostic> };

const options = { errors: "all", onExcessProperty: "error" } as const;

/** Makes the checker of one stage, to apply to every point. `surroundings` are undefined where an input has errors. */
export const paramsChecker = (
  stage: Stage,
  within: string,
  surroundings: Surroundings | undefined,
) => {
  // Decoding to an option is several times faster than collecting issues, and most params have none.
  const decode = Schema.decodeUnknownOption(stage.params, options);
  const decodeOrExplain = Schema.decodeUnknownExit(stage.params, options);
  const encode = Schema.encodeSync(stage.params) as (value: unknown) => Json;
  const reencode = (raw: Json): string | undefined => {
    const decoded = decode(raw);
    return Option.isSome(decoded) ? canonicalJson(encode(decoded.value)) : undefined;
  };
  const required = requiredKeys(decodeOrExplain({}));
  return (located: Located, fallback: Place): ParamsCheck => {
    const raw = toJson(located);
    const option = decode(raw);
    if (Option.isNone(option)) {
      const issue = issueOf(decodeOrExplain(raw));
      if (issue === undefined)
        throw new Error(`the params schema of ${stage.name} failed without an issue`);
      return { diagnostics: diagnose(issue, located, within, fallback) };
    }
    let decoded = option.value;
    let encoded = encode(decoded);
    const written = asWritten(located, encoded);
    if (written !== undefined) {
      decoded = Option.getOrThrow(decode(written));
      encoded = encode(decoded);
    }
    const problems = surroundings === undefined ? [] : (stage.check?.(decoded, surroundings) ?? []);
    if (problems.length > 0) {
      return {
        diagnostics: problems.map((problem) => {
          const at = spanOf(placeAt(located, problem.path));
          if ("message" in problem) {
            const { message, expected } = problem;
            return { message, at, expected };
          }
          const { what, name, valid } = problem;
          return unknownName(what, name, valid, at);
        }),
      };
    }
    const elided = elideDefaults(encoded, raw, required, reencode);
    const key = (stage.outsideKey ?? []).reduce(
      (kept, param) => withoutPath(kept, param.split(".")),
      elided,
    );
    return { params: { decoded, key, located }, diagnostics: [] };
  };
};

export const issueOf = (
  exit: Exit.Exit<unknown, Schema.SchemaError>,
): SchemaIssue.Issue | undefined => {
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined;
  return reason?._tag === "Fail" ? reason.error.issue : undefined;
};

/** The keys without a default: decoding an empty object misses them. */
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
 * Drops every key whose absence decodes to the same value. Keys that the author did not write are dropped at once; the
 * others are tried one by one, by decoding without them.
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
