/** Commands and numbers as a reader of a bundle meets them. */

/** A word that a shell takes as it is written. */
const shellWord = (word: string): string =>
  /^[\w./=,:+-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The line that makes one node of the bundled experiment, or all of it. `overrides` are as a run records them: `--set a=1`. */
export const runCommand = (overrides: ReadonlyArray<string>, node?: string): string => {
  const edits = overrides.filter((text) => node === undefined || !text.startsWith("--only "));
  const flags = [...edits, ...(node === undefined ? [] : [`--only ${node}`])].map((text) => {
    const [flag = "", ...value] = text.split(" ");
    return `${flag} ${shellWord(value.join(" "))}`;
  });
  return ["npx pipe run experiment.yaml", ...flags].join(" ");
};

/** 12 kB, 3.4 MB. */
export const size = (bytes: number): string => {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(2)} ${units[unit]}`;
};

/** 12 s, 3 min, 2.5 h. */
export const time = (seconds: number): string => {
  if (seconds < 99.5) return `${Math.ceil(seconds)} s`;
  if (seconds < 5970) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
};
