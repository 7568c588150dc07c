/** The text of a file in pieces of bounded size, each with some of what is before and behind it. */

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

/** Stands between texts that lie apart. */
export const gap = "\0";

/** The first byte of the character at or behind `at`. */
const aligned = (bytes: Uint8Array, at: number): number => {
  let to = at;
  while (to < bytes.length && bytes[to]! >> 6 === 0b10) to += 1;
  return to;
};

export const windowsOf = (bytes: Uint8Array, look: (window: Window) => void): void => {
  const text = (start: number, end: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, aligned(bytes, from + size));
    const before = Math.max(0, aligned(bytes, from - context));
    const behind = Math.min(bytes.length, aligned(bytes, to + context));
    const ahead = text(before, from);
    const own = text(from, to);
    const whole = ahead + own + text(to, behind);
    look({
      text: whole,
      own: [ahead.length, ahead.length + own.length],
      byteOf: (index) => before + Buffer.byteLength(whole.slice(0, index)),
    });
    from = to;
  }
};

/** The last of `pairs`, sorted by their first number, whose first number is at most `index`. */
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
