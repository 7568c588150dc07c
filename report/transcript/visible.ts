/** Makes hidden characters of hostile or broken text visible. Runs in the page's script, too, so it imports nothing. */

/** Control characters except tab and newline; bidi, zero-width and other format characters; halves of surrogate pairs. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\p{Cs}/gu;

/** Each hidden character becomes `⟨U+202E⟩`. */
export const visible = (text: string): string =>
  text.replace(
    hidden,
    (character) => `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );

/** Longer responses are cut. */
const mostCharacters = 20_000;

export const cut = (text: string): string =>
  text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}\n… ${text.length - mostCharacters} more characters`;
