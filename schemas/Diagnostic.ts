/**
 * A diagnostic: what is wrong in a file, where, and what is expected. The terminal, `--json` and editors show the same.
 */
import { Runtime, Schema } from "effect";
import { closest, distance } from "fastest-levenshtein";

/** A range within one line; `line` and `col` count from 1, `length` in UTF-16 code units. */
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

/** The experiment is invalid. Nothing was started or written. */
export class InvalidSpec extends Schema.TaggedError<InvalidSpec>()("InvalidSpec", {
  diagnostics: Schema.Array(Diagnostic),
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
  override get message() {
    return `${this.diagnostics.length} ${this.diagnostics.length === 1 ? "error" : "errors"} in the experiment`;
  }
}

/** Our params by their names in other programs. */
const otherNames: Readonly<Record<string, string>> = {
  lr: "learning_rate",
  batch_size: "batch",
  bs: "batch",
  num_steps: "steps",
  max_steps: "steps",
  iterations: "steps",
  epochs: "steps",
  warmup_steps: "warmup",
  gradient_accumulation_steps: "accumulate",
  max_grad_norm: "grad_clip",
  wd: "weight_decay",
  random_seed: "seed",
  max_new_tokens: "max_tokens",
  num_generations: "group",
  beta: "kl",
  cmd: "run",
  command: "run",
  script: "run",
  inputs: "from",
  needs: "from",
  params: "with",
  args: "with",
  uses: "use",
};

/** The nearest valid name, if one is near enough to suggest. */
export const nearestName = (name: string, valid: ReadonlyArray<string>): string | undefined => {
  if (valid.length === 0) return undefined;
  const word = name.toLowerCase().replaceAll("-", "_");
  const other = Object.hasOwn(otherNames, word) ? otherNames[word] : undefined;
  if (other !== undefined && valid.includes(other)) return other;
  const best = closest(name, valid);
  return distance(word, best.toLowerCase()) <= Math.max(2, name.length / 3) ? best : undefined;
};

/** The diagnostic of an unknown name, with the valid names and the nearest of them. */
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
    expected: valid.length === 0 ? `there is no ${what} here` : listNames(valid),
    ...(suggestion === undefined ? {} : { suggestion: `did you mean \`${suggestion}\`?` }),
  };
};

const listNames = (names: ReadonlyArray<string>): string => {
  if (names.length === 1) return `${names[0]}`;
  const shown = names.slice(0, 12).join(", ");
  return `one of ${names.length > 12 ? `${shown}, … (${names.length} in all)` : shown}`;
};
