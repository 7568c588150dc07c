/** Where text lies among other bytes. */

/** Shorter ones say too little, and random bytes are full of them. */
const shortest = 5;

/** A byte of ASCII text; escape is one, since logs are coloured with it. */
const isText = new Uint8Array(256);
for (const byte of [0x09, 0x0a, 0x0d, 0x1b]) isText[byte] = 1;
for (let byte = 0x20; byte < 0x7f; byte += 1) isText[byte] = 1;

/** How many bytes the UTF-8 sequence at `at` has: 0 where none is well-formed. */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at]!;
  const length = first >= 0xc2 && first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (first < 0xc2 || length === 0) return 0;
  for (let i = 1; i < length; i += 1) {
    if ((bytes[at + i] ?? 0) >> 6 !== 0b10) return 0;
  }
  return length;
};

/** Calls `found` with every range of bytes that is UTF-8 without control characters, in order. */
export const textRuns = (
  bytes: Uint8Array,
  found: (start: number, end: number) => void,
  atLeast = shortest,
): void => {
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    while (at < bytes.length) {
      if (isText[bytes[at]!] === 1) at += 1;
      else {
        const length = bytes[at]! < 0x80 ? 0 : sequenceLength(bytes, at);
        if (length === 0) break;
        at += length;
      }
    }
    if (at - start >= atLeast) found(start, at);
    at += 1;
  }
};

/**
 * Text with zeros between the characters, as UTF-16 (`unit` 2) and UTF-32 (`unit` 4) have it; big-endian as well, which looks the same
 * but for where it begins. Given as single bytes.
 */
export const wideRuns = (
  bytes: Uint8Array,
  unit: 2 | 4,
  found: (start: number, text: Uint8Array) => void,
): void => {
  const zerosAfter = (at: number): boolean =>
    bytes[at + 1] === 0 && (unit === 2 || (bytes[at + 2] === 0 && bytes[at + 3] === 0));
  let zero = bytes.indexOf(0);
  while (zero >= 0) {
    let at = zero - 1;
    if (at < 0 || isText[bytes[at]!] === 0 || !zerosAfter(at)) {
      zero = bytes.indexOf(0, zero + 1);
      continue;
    }
    const start = at;
    while (isText[bytes[at] ?? 0] === 1 && zerosAfter(at)) at += unit;
    // The last character of big-endian text has no zero behind it.
    const end = isText[bytes[at] ?? 0] === 1 ? at + unit : at;
    const length = (end - start) / unit;
    if (length >= shortest) {
      const text = new Uint8Array(length);
      for (let i = 0; i < length; i += 1) text[i] = bytes[start + i * unit]!;
      found(start, text);
    }
    zero = bytes.indexOf(0, Math.max(at, zero + 1));
  }
};
