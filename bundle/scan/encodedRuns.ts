/** Bytes that stand as base64, as hexadecimal digits or as lists of numbers in a text. */
import { beginsPacked } from "./packed.ts";
import { quotedPrintable } from "./quotedPrintable.ts";
import { textRuns } from "./textRuns.ts";

export interface EncodedRun {
  readonly start: number;
  readonly bytes: Uint8Array;
}

const least = 16;
const shortLine = 12;
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

/** Words have other lengths: a short line counts where the one below is as long, and both are nothing else. */
const isFirstOfLines = (text: string, start: number, end: number): boolean => {
  if (start > 0 && !isBlank(text.charCodeAt(start - 1))) return false;
  const from = nextLine(text, end);
  if (from === undefined) return false;
  const to = digitsEnd(text, from);
  return to - from === end - start && (to === text.length || isBlank(text.charCodeAt(to)));
};

const isBlank = (code: number): boolean => code === lineFeed || spaces.has(code);

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
  return holdsText || beginsPacked(bytes);
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

const numberList =
  /(?<![\d.])(?:\d{2,3}(?:[ \t\r\n]{0,8},[ \t\r\n]{0,8}| )){11,2000}\d{2,3}(?![\d.])/g;

/** `68 66`, `68:66`, `0x68, 0x66`, `6866 5f53`; a dump has in each line where it is, and perhaps what the bytes read. */
const pairList =
  /(?<![\w.])(?:(?:0x)?(?:[0-9a-f]{2}){1,2}(?:[ \t]{1,2}|[:,;-][ \t]{0,2}|,?[ \t]{0,2}(?:[ \t]{2}[^\n\0]{1,20})?\r?\n[ \t]{0,16}(?:[0-9a-f]{6,8}:?[ \t]{1,2})?)){11,2000}(?:0x)?(?:[0-9a-f]{2}){1,2}(?![\w.])/gi;

const fromPairs = (list: string): Uint8Array =>
  Buffer.from(
    list
      .replaceAll(/(?:[ \t]{2}[^\n]{1,20})?\r?\n[ \t]*(?:[0-9a-f]{6,8}:?[ \t])?/gi, " ")
      .replaceAll(/0x|[^0-9a-f]/gi, ""),
    "hex",
  );

export const encodedRuns = (text: string, found: (run: EncodedRun) => void): void => {
  const seen = new Set<string>();
  for (let at = 0; at < text.length; at += 1) {
    const start = at;
    at = digitsEnd(text, start);
    const inLine = at - start;
    if (inLine < shortLine || (inLine < least && !isFirstOfLines(text, start, at))) continue;
    let digits = text.slice(start, at);
    for (let from = nextLine(text, at); from !== undefined; from = nextLine(text, at)) {
      at = digitsEnd(text, from);
      digits += text.slice(from, at);
      if (at - from < Math.min(inLine, least)) break;
    }
    if (digits.length < least) continue;
    if (seen.has(digits)) continue;
    if (digits.length < mostToShift && seen.size < mostSeen) seen.add(digits);
    for (const bytes of decodings(digits)) found({ start, bytes });
  }
  for (const { 0: list, index } of text.matchAll(numberList)) {
    const numbers = list.split(/[\s,]+/).map(Number);
    if (numbers.every((number) => number < 256))
      found({ start: index, bytes: Uint8Array.from(numbers) });
  }
  for (const { 0: list, index } of text.matchAll(pairList)) {
    const bytes = fromPairs(list);
    if (isWorthLooking(bytes)) found({ start: index, bytes });
  }
  quotedPrintable(text, found);
};
