/** Text as mail has it: `=68` for a character, and a line that goes on behind `=`. */
import type { EncodedRun } from "./encodedRuns.ts";

const mostBefore = 200;
/** `x=10` is no encoding. */
const leastEscapes = 3;

const escape = /=(?:[0-9A-F]{2}|\r?\n)/y;

interface Extent {
  readonly ends: RegExp;
  readonly stretch: RegExp;
}

/** A word is enough for characters; where lines go on, what says of a value that it is secret may be lines before it. */
const word: Extent = {
  ends: /[\s"'\0]/,
  stretch: /(?:[^\s="'\0]|=(?:[0-9A-F]{2}|\r?\n)){1,4000}/y,
};
const lines: Extent = {
  ends: /[\n\0]/,
  stretch: /(?:[^=\r\n\0]|=(?:[0-9A-F]{2}|\r?\n)?){1,4000}/y,
};

export const quotedPrintable = (text: string, found: (run: EncodedRun) => void): void => {
  for (let at = text.indexOf("="); at >= 0; at = text.indexOf("=", at + 1)) {
    escape.lastIndex = at;
    if (!escape.test(text)) continue;
    const { ends, stretch } = /[\r\n]/.test(text[at + 1]!) ? lines : word;
    let start = at;
    while (start > 0 && at - start < mostBefore && !ends.test(text[start - 1]!)) start -= 1;
    stretch.lastIndex = at;
    const behind = stretch.exec(text)![0];
    const escapes = behind.match(/=[0-9A-F]{2}/g)?.length ?? 0;
    if (escapes >= leastEscapes || /=\r?\n\S/.test(behind))
      found({ start, bytes: Buffer.from(plainOf(text.slice(start, at) + behind)) });
    at += behind.length - 1;
  }
};

const plainOf = (text: string): string =>
  text
    .replaceAll(/=\r?\n/g, "")
    .replaceAll(/(?:=[0-9A-F]{2})+/g, (codes) =>
      Buffer.from(codes.replaceAll("=", ""), "hex").toString("utf8"),
    );
