/** Commands to copy into a shell. */
import { flagsOf, type Overrides } from "../../schemas/Overrides.ts";

/** A word, quoted where a shell needs it. */
export const shellWord = (word: string): string =>
  /^[\w./=,:+-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** `--set model.steps=300`, unquoted. */
export const flagTexts = (overrides: Overrides): ReadonlyArray<string> =>
  flagsOf(overrides).map((pair) => pair.join(" "));

/** The command that runs an experiment with these flags. */
export const runLine = (
  experiment: string,
  flags: ReadonlyArray<readonly [flag: string, value: string]>,
): string =>
  [
    "npx pipe run",
    shellWord(experiment),
    ...flags.map(([flag, value]) => `${flag} ${shellWord(value)}`),
  ].join(" ");
