/** Finds bytes that stand as base64 or hexadecimal digits in a text. */

export interface EncodedRun {
  readonly start: number;
  readonly bytes: Uint8Array;
}

const least = 16;
/** The same digests stand in many lines. */
const mostSeen = 10_000;
/** A word may stand right before the digits: from the second, third or fourth digit on, another text comes out. */
const mostToShift = 4096;

const isDigit = new Uint8Array(128);
for (const digit of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
  isDigit[digit.charCodeAt(0)] = 1;
}

const digitsEnd = (text: string, start: number): number => {
  let at = start;
  while (isDigit[text.charCodeAt(at)] === 1) at += 1;
  return at;
};

const lineBreak = /\r?\n[ \t]{0,16}/y;

/** Where the digits of the next line begin. */
const nextLine = (text: string, end: number): number | undefined => {
  lineBreak.lastIndex = end;
  if (!lineBreak.test(text)) return undefined;
  return isDigit[text.charCodeAt(lineBreak.lastIndex)] === 1 ? lineBreak.lastIndex : undefined;
};

const decodings = (digits: string): ReadonlyArray<Uint8Array> => {
  const shifts = digits.length <= mostToShift ? [0, 1, 2, 3] : [0];
  const isHex = /^[0-9a-f]+$/i.test(digits);
  return shifts.flatMap((shift) => [
    Buffer.from(digits.slice(shift), "base64"),
    ...(isHex && shift < 2 ? [Buffer.from(digits.slice(shift, digits.length & ~1), "hex")] : []),
  ]);
};

export const encodedRuns = (text: string, found: (run: EncodedRun) => void): void => {
  const seen = new Set<string>();
  for (let at = 0; at < text.length; at += 1) {
    const start = at;
    at = digitsEnd(text, start);
    const inLine = at - start;
    if (inLine < least) continue;
    let digits = text.slice(start, at);
    for (let from = nextLine(text, at); from !== undefined; from = nextLine(text, at)) {
      at = digitsEnd(text, from);
      digits += text.slice(from, at);
      if (at - from < inLine) break;
    }
    if (seen.has(digits)) continue;
    if (digits.length < mostToShift && seen.size < mostSeen) seen.add(digits);
    for (const bytes of decodings(digits)) found({ start, bytes });
  }
};
