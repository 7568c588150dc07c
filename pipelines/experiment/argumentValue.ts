/** A YAML value in an argument of the command line. */
import { Lexer } from "yaml";
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import type { Located } from "./Located.ts";
import { parseSource } from "./parseSource.ts";
import { Source } from "./Source.ts";

export type ArgumentValue =
  | { readonly value: Located; readonly diagnostics: readonly [] }
  | { readonly value?: never; readonly diagnostics: ReadonlyArray<Diagnostic> };

/** Reads the stretch from `start` to `end`; every place is in the whole argument. */
export const argumentValue = (source: Source, start: number, end: number): ArgumentValue => {
  const text = source.text.slice(start, end);
  const at = source.span(start, end);
  if (text.trim() === "")
    return {
      diagnostics: [{ message: `\`${source.text}\` has no value here`, at, expected: "a value" }],
    };
  // YAML would drop the rest of the argument.
  const comment = [...new Lexer().lex(text)].find((token) => token.startsWith("#"));
  if (comment !== undefined)
    return {
      diagnostics: [
        {
          message: `the value is cut short: \`${comment}\` is a comment`,
          at,
          expected: `quotes inside the argument: '${source.text.slice(0, start)}"${text}"'`,
        },
      ],
    };
  // Leading blanks keep the places equal to those in the argument.
  const { value, diagnostics } = parseSource(new Source(source.file, " ".repeat(start) + text));
  return value === undefined || diagnostics.length > 0
    ? { diagnostics: diagnostics.map((found) => ({ ...found, at })) }
    : { value: relocate(value, source), diagnostics: [] };
};

const relocate = (value: Located, source: Source): Located => {
  const at = { ...value.at, source };
  switch (value.kind) {
    case "scalar":
      return { ...value, at };
    case "list":
      return { ...value, at, items: value.items.map((item) => relocate(item, source)) };
    case "map":
      return {
        ...value,
        at,
        entries: value.entries.map((entry) => ({
          ...entry,
          keyAt: { ...entry.keyAt, source },
          value: relocate(entry.value, source),
        })),
      };
  }
};
