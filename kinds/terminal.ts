/** Text for a terminal: colours, hostile characters, columns. */

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export const plural = (count: number, one: string): string =>
  `${count} ${one}${count === 1 ? "" : "s"}`;

/** Except tab and newline. */
const controlCharacters = /(?![\t\n])\p{Cc}/gu;

/** Shows control characters, escapes included, so that hostile text has no effect. */
export const printable = (text: string): string =>
  text.replace(
    controlCharacters,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );

/** For a name, which stays on its line. */
export const printableName = (text: string): string =>
  printable(text).replaceAll("\n", "\\x0a").replaceAll("\t", "\\x09");

/** Approximate cells of a text in a terminal: combining marks take none, wide East Asian characters two. */
export const width = (text: string): number => {
  let cells = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    cells +=
      /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return cells;
};

export const padEnd = (text: string, cells: number): string =>
  text + " ".repeat(Math.max(0, cells - width(text)));
export const padStart = (text: string, cells: number): string =>
  " ".repeat(Math.max(0, cells - width(text))) + text;

/** At most `cells` cells; an ellipsis replaces the end. */
export const shorten = (text: string, cells: number): string => {
  if (width(text) <= cells) return text;
  let kept = text.slice(0, Math.max(0, cells - 1));
  while (kept !== "" && width(kept) > cells - 1) kept = kept.slice(0, -1);
  return `${kept}…`;
};

/** At most `cells` cells; an ellipsis replaces the middle, since the points of a stage differ at the end. */
export const shortenMiddle = (name: string, cells: number): string => {
  if (width(name) <= cells) return name;
  const characters = [...name];
  const tailCells = Math.floor((cells - 1) * 0.6);
  let tail = "";
  while (characters.length > 0 && width(characters.at(-1)! + tail) <= tailCells)
    tail = characters.pop()! + tail;
  return `${shorten(characters.join(""), cells - width(tail))}${tail}`;
};
