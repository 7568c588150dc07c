/** The text of a file in pieces of bounded size, each with some of what is before and behind it. */
import { textRuns } from "./textRuns.ts";

/** A piece of text. What begins outside `own` belongs to the piece before or behind. */
export interface Window {
  readonly text: string;
  readonly own: readonly [from: number, to: number];
  /** Where the character at `index` is in the bytes. */
  readonly byteOf: (index: number) => number;
}

const size = 4 << 20;
/** More than a secret's length. */
const context = 16 << 10;

/** Between texts that have other bytes between them: part of no secret, and no letter. */
export const gap = "\0";

/** From here to the next character's first byte. */
const aligned = (bytes: Uint8Array, at: number): number => {
  let to = at;
  while (to < bytes.length && bytes[to]! >> 6 === 0b10) to += 1;
  return to;
};

const text = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");

const windowsOfRun = (
  bytes: Uint8Array,
  start: number,
  end: number,
  look: (window: Window) => void,
): void => {
  for (let from = start; from < end;) {
    const to = Math.min(end, aligned(bytes, from + size));
    const before = Math.max(start, aligned(bytes, from - context));
    const behind = Math.min(end, aligned(bytes, to + context));
    const ahead = text(bytes, before, from);
    const whole = ahead + text(bytes, from, behind);
    const ownEnd = to === behind ? whole.length : whole.length - text(bytes, to, behind).length;
    look({
      text: whole,
      own: [ahead.length, ownEnd],
      byteOf: (index) => before + Buffer.byteLength(whole.slice(0, index)),
    });
    from = to;
  }
};

/** All text runs of `bytes`; short ones come many at a time, `gap` between them. */
export const windowsOf = (bytes: Uint8Array, look: (window: Window) => void): void => {
  let texts: Array<string> = [];
  /** Of each of `texts`: its first character in the window, its first byte. */
  let places: Array<readonly [index: number, byte: number]> = [];
  let length = 0;
  const flush = () => {
    if (texts.length === 0) return;
    const joined = texts.join(gap);
    const mine = places;
    look({
      text: joined,
      own: [0, joined.length],
      byteOf: (index) => {
        const [first, byte] = mine[lastAtMost(mine, index)]!;
        return byte + Buffer.byteLength(joined.slice(first, index));
      },
    });
    [texts, places, length] = [[], [], 0];
  };
  textRuns(bytes, (start, end) => {
    if (end - start > size) {
      flush();
      windowsOfRun(bytes, start, end, look);
      return;
    }
    const run = text(bytes, start, end);
    texts.push(run);
    places.push([length, start]);
    length += run.length + gap.length;
    if (length > size) flush();
  });
  flush();
};

/** The last of `pairs`, which rise, whose first number is at most `index`. */
export const lastAtMost = (
  pairs: ReadonlyArray<readonly [number, number]>,
  index: number,
): number => {
  let [low, high] = [0, pairs.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pairs[middle]![0] <= index) low = middle;
    else high = middle - 1;
  }
  return low;
};
