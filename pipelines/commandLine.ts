/** Commands that a person can copy into a shell. */

/** A word that a shell takes as it is written. */
export const shellWord = (word: string): string =>
  /^[\w./=,:+-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The line that runs an experiment; each flag is as a run records it: `--set model.steps=300`, its value unquoted. */
export const runLine = (experiment: string, flags: ReadonlyArray<string>): string =>
  ["npx pipe run", shellWord(experiment), ...flags.map(shellFlag)].join(" ");

const shellFlag = (text: string): string => {
  const [flag = "", ...value] = text.split(" ");
  return `${flag} ${shellWord(value.join(" "))}`;
};
