/**
 * A diagnostic says what is wrong with something a person wrote, where, and what would be right. The terminal, `--json`
 * and any editor are fed from this one shape.
 */
import { Runtime, Schema } from "effect";
import { closest, distance } from "fastest-levenshtein";

/** A stretch of one line of a file; `line` and `col` count from 1, `length` in UTF-16 code units. */
export const SourceSpan = Schema.Struct({
  file: Schema.String,
  line: Schema.Int,
  col: Schema.Int,
  length: Schema.Int,
  text: Schema.String,
});
export interface SourceSpan extends Schema.Schema.Type<typeof SourceSpan> {}

export const Diagnostic = Schema.Struct({
  message: Schema.String,
  at: Schema.optionalKey(SourceSpan),
  expected: Schema.optionalKey(Schema.String),
  suggestion: Schema.optionalKey(Schema.String),
});
export interface Diagnostic extends Schema.Schema.Type<typeof Diagnostic> {}

/** The specification can't be run. Nothing has been started or written. */
export class InvalidSpec extends Schema.TaggedError<InvalidSpec>()("InvalidSpec", {
  diagnostics: Schema.Array(Diagnostic),
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
  override get message() {
    return `${this.diagnostics.length} ${this.diagnostics.length === 1 ? "error" : "errors"} in the experiment`;
  }
}

/** The valid name that `name` was probably meant to be, when one is near enough to be worth saying. */
export const nearestName = (name: string, valid: ReadonlyArray<string>): string | undefined => {
  if (valid.length === 0) return undefined;
  const best = closest(name, valid);
  return distance(name.toLowerCase(), best.toLowerCase()) <= Math.max(2, name.length / 3)
    ? best
    : undefined;
};

/** An "unknown name" diagnostic: what there is, and the nearest of it. */
export const unknownName = (
  what: string,
  name: string,
  valid: ReadonlyArray<string>,
  at?: SourceSpan,
): Diagnostic => {
  const suggestion = nearestName(name, valid);
  return {
    message: `unknown ${what} \`${name}\``,
    ...(at === undefined ? {} : { at }),
    expected: valid.length === 0 ? `there is no ${what} here` : `one of ${listNames(valid)}`,
    ...(suggestion === undefined ? {} : { suggestion: `did you mean \`${suggestion}\`?` }),
  };
};

const listNames = (names: ReadonlyArray<string>): string => {
  const shown = names.slice(0, 12).join(", ");
  return names.length > 12 ? `${shown}, … (${names.length} in all)` : shown;
};
