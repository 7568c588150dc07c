/** Numbers and names as people read them. */

/** The minute, where the reader lives. */
export const localTime = (iso: string): string => {
  const at = new Date(iso);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
};

/** A number in few characters: counts whole, others with three significant digits. */
export const compact = (value: number): string => {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  if (Math.abs(value) >= 1000) return `${(value / 1000).toPrecision(3)}k`;
  return String(Number(value.toPrecision(3)));
};

export const plural = (count: number, one: string): string =>
  `${count} ${one}${count === 1 ? "" : "s"}`;

/** All but tab and newline. */
const controlCharacters = /(?![\t\n])\p{Cc}/gu;

/** Hostile text stays text: control characters, escapes included, are shown and not obeyed. */
export const printable = (text: string): string =>
  text.replace(
    controlCharacters,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );

/** The same for a name, which stays on its line. */
export const printableName = (text: string): string =>
  printable(text).replaceAll("\n", "\\x0a").replaceAll("\t", "\\x09");

/** Cells a text takes in a terminal, near enough: combining marks none, wide East Asian characters two. */
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
