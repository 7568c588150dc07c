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
  /** The params with places in the experiment. Made at each call: a sweep has very many, and only messages need them. */
  readonly locate: () => Located;
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
  const decodeOrExplain = Schema.decodeUnknownExit(stage.params, options);
  const recode = recoder(stage);
  const reencode = (raw: Json): string | undefined => {
    const recoded = recode(raw);
    return recoded === undefined ? undefined : canonicalJson(recoded.encoded);
  };
  const required = requiredKeys(decodeOrExplain({}));
  return (locate: () => Located, fallback: Place): ParamsCheck => {
    const located = locate();
    const raw = toJson(located);
    let recoded = recode(raw);
    if (recoded === undefined) {
      const issue = issueOf(decodeOrExplain(raw));
      if (issue === undefined)
        throw new Error(`the params schema of ${stage.name} failed without an issue`);
      return { diagnostics: diagnose(issue, located, within, fallback) };
    }
    const written = asWritten(located, recoded.encoded);
    if (written !== undefined) recoded = recode(written);
    if (recoded === undefined)
      throw new Error(
        `the params schema of ${stage.name} refuses a number in its author's spelling`,
      );
    const { decoded, encoded } = recoded;
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
    return { params: { decoded, key, locate }, diagnostics: [] };
  };
};

interface Recoded {
  readonly decoded: unknown;
  readonly encoded: Json;
}

/**
 * Decodes params and encodes them again; undefined where they don't decode. Without its options, Schema takes a fourth of
 * the time and drops keys that it does not know, in both directions: of a union it takes the first object that has some of
 * the keys. Such a key is missing in what is encoded again: then the options decide.
 */
const recoder = (stage: Stage) => {
  const decodeLoosely = Schema.decodeUnknownOption(stage.params);
  const decodeStrictly = Schema.decodeUnknownOption(stage.params, options);
  const encode = Schema.encodeSync(stage.params) as (value: unknown) => Json;
  const encodeStrictly = Schema.encodeSync(stage.params, options) as (value: unknown) => Json;
  return (raw: Json): Recoded | undefined => {
    const loose = decodeLoosely(raw);
    if (Option.isSome(loose)) {
      const encoded = encode(loose.value);
      if (hasKeysOf(encoded, raw)) return { decoded: loose.value, encoded };
    }
    const strict = decodeStrictly(raw);
    return Option.isNone(strict)
      ? undefined
      : { decoded: strict.value, encoded: encodeStrictly(strict.value) };
  };
};

/** True where no key and no item of `other` is missing in `value`, at any depth. */
const hasKeysOf = (value: Json | undefined, other: Json): boolean => {
  if (Array.isArray(other))
    return (
      Array.isArray(value) &&
      value.length === other.length &&
      other.every((item, index) => hasKeysOf(value[index], item))
    );
  if (!isObject(other)) return true;
  return (
    isObject(value) &&
    Object.keys(other).every(
      (key) => Object.hasOwn(value, key) && hasKeysOf(value[key], other[key] ?? null),
    )
  );
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
