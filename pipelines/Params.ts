/** Params of a stage: decoded for the stage to use, and in the one form in which they enter a key. */
import { Exit, Schema, type SchemaIssue } from "effect";
import { type Diagnostic, unknownName } from "../schemas/Diagnostic.ts";
import { canonicalJson, type Json } from "../schemas/Digest.ts";
import type { Stage, Surroundings } from "../stages/Stage.ts";
import { diagnose } from "./diagnose.ts";
import { type Located, type Place, placeAt, spanOf, toJson } from "./Source.ts";

export interface CheckedParams {
  readonly decoded: unknown;
  /** As written to `job.json`: every default filled in. */
  readonly full: Json;
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
  const decode = Schema.decodeUnknownExit(stage.params, options);
  const encode = Schema.encodeSync(stage.params) as (value: unknown) => Json;
  const reencode = (raw: Json): string | undefined => {
    const exit = decode(raw);
    return Exit.isSuccess(exit) ? canonicalJson(encode(exit.value)) : undefined;
  };
  return (located: Located, otherwise: Place): ParamsCheck => {
    const raw = toJson(located);
    const exit = decode(raw);
    if (Exit.isFailure(exit)) {
      const issue = issueOf(exit);
      if (issue === undefined)
        throw new Error(`the params schema of ${stage.name} failed without an issue`);
      return { diagnostics: diagnose(issue, located, within, otherwise) };
    }
    const unknown = around === undefined ? [] : (stage.check?.(exit.value, around) ?? []);
    if (unknown.length > 0) {
      return {
        diagnostics: unknown.map(({ path, what, name, valid }) =>
          unknownName(what, name, valid, spanOf(placeAt(located, path))),
        ),
      };
    }
    const full = encode(exit.value);
    const key = withoutKeys(elideDefaults(full, raw, reencode), stage.outsideKey ?? []);
    return { params: { decoded: exit.value, full, key, written: located }, diagnostics: [] };
  };
};

const issueOf = (
  exit: Exit.Failure<unknown, Schema.SchemaError>,
): SchemaIssue.Issue | undefined => {
  const reason = exit.cause.reasons[0];
  return reason?._tag === "Fail" ? reason.error.issue : undefined;
};

type JsonObject = { readonly [key: string]: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const withoutKeys = (value: Json, keys: ReadonlyArray<string>): Json =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
    : value;

/**
 * Leaves out every key whose absence means the same. What the author did not write is known to be such a key; the others
 * are tried, one after the other, by decoding without them.
 */
const elideDefaults = (
  full: Json,
  raw: Json,
  reencode: (raw: Json) => string | undefined,
): Json => {
  const meaning = canonicalJson(full);
  const elide = (value: Json, written: Json | undefined, rebuild: (value: Json) => Json): Json => {
    if (!isObject(value)) return value;
    let kept: JsonObject = isObject(written)
      ? Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(written, key)))
      : value;
    for (const key of Object.keys(kept)) {
      const without = Object.fromEntries(Object.entries(kept).filter(([other]) => other !== key));
      if (reencode(rebuild(without)) === meaning) kept = without;
      else {
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
