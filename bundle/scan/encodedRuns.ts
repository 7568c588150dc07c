/** Bytes that stand as base64, as hexadecimal digits or as lists of numbers in a text. */
import { textRuns } from "./textRuns.ts";

export interface EncodedRun {
  readonly start: number;
  readonly bytes: Uint8Array;
}

const least = 16;
/** The same names stand in every line. */
const mostSeen = 10_000;
/** Somebody may have stuck a word in front: from the second, third or fourth digit on, another text comes out. */
const mostToShift = 4096;
const shortestText = 8;

const isDigit = new Uint8Array(128);
for (const digit of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
  isDigit[digit.charCodeAt(0)] = 1;
}

const digitsEnd = (text: string, start: number): number => {
  let at = start;
  while (isDigit[text.charCodeAt(at)] === 1) at += 1;
  return at;
};

const lineFeed = 10;
const spaces = new Set([32, 9, 13]);

/** Where digits go on after the end of a line: only if the next has as many as a line of an encoding has. */
const nextLine = (text: string, end: number): number | undefined => {
  let at = end;
  if (text.charCodeAt(at) === 13) at += 1;
  if (text.charCodeAt(at) !== lineFeed) return undefined;
  at += 1;
  for (let i = 0; i < 16 && spaces.has(text.charCodeAt(at)); i += 1) at += 1;
  return isDigit[text.charCodeAt(at)] === 1 ? at : undefined;
};

/** Whether bytes hold text, or begin as something that may. */
const isWorthLooking = (bytes: Uint8Array): boolean => {
  let holdsText = false;
  // Text in UTF-16 has zeros between.
  textRuns(bytes, () => (holdsText = true), shortestText);
  for (
    let zero = bytes.indexOf(0), zeros = 0;
    zero >= 0 && !holdsText;
    zero = bytes.indexOf(0, zero + 1)
  ) {
    zeros += 1;
    holdsText = zeros === shortestText;
  }
  return (
    holdsText ||
    (bytes[0] === 0x1f && bytes[1] === 0x8b) ||
    (bytes[0] === 0x28 && bytes[1] === 0xb5)
  );
};

const decodings = (digits: string): ReadonlyArray<Uint8Array> => {
  const isShort = digits.length <= mostToShift;
  const found: Array<Uint8Array> = [];
  if (/^[0-9a-f]+$/i.test(digits)) {
    found.push(Buffer.from(digits.slice(0, digits.length & ~1), "hex"));
    if (isShort) found.push(Buffer.from(digits.slice(1), "hex"));
  }
  for (const shift of isShort ? [0, 1, 2, 3] : [0]) {
    found.push(Buffer.from(digits.slice(shift), "base64"));
  }
  return found.filter(isWorthLooking);
};

const numberList = /(?<![\d.])(?:\d{2,3}[ \t\r\n]{0,8},[ \t\r\n]{0,8}){11,2000}\d{2,3}(?![\d.])/g;

export const encodedRuns = (text: string, found: (run: EncodedRun) => void): void => {
  const seen = new Set<string>();
  for (let at = 0; at < text.length; at += 1) {
    const start = at;
    at = digitsEnd(text, start);
    if (at - start < least) continue;
    let digits = text.slice(start, at);
    for (let from = nextLine(text, at); from !== undefined; from = nextLine(text, at)) {
      at = digitsEnd(text, from);
      digits += text.slice(from, at);
      if (at - from < least) break;
    }
    if (seen.has(digits)) continue;
    if (digits.length < mostToShift && seen.size < mostSeen) seen.add(digits);
    for (const bytes of decodings(digits)) found({ start, bytes });
  }
  for (const { 0: list, index } of text.matchAll(numberList)) {
    const numbers = list.split(",").map(Number);
    if (numbers.every((number) => number < 256))
      found({ start: index, bytes: Uint8Array.from(numbers) });
  }
};
