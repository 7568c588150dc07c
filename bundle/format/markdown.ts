/**
 * Markdown of a bundle's page. Computed lines stand in marked blocks, which verifying recomputes and compares; the prose around them is
 * covered by the manifest's hashes alone, so a change of wording does not invalidate older bundles.
 */

export type Lines = ReadonlyArray<string>;

const opening = /^<!-- pipe:([a-z-]+(?: \d+)?) -->$/u;
const closing = "<!-- /pipe -->";

/** `name` is a word, with a number where the page has several such blocks. */
export const markedBlock = (name: string, lines: Lines): Lines => [
  `<!-- pipe:${name} -->`,
  ...lines,
  closing,
];

export interface MarkedBlock {
  readonly name: string;
  readonly lines: Lines;
  /** The page's line, from 1, that holds the block's first line. */
  readonly line: number;
}

export interface ParsedPage {
  readonly blocks: ReadonlyArray<MarkedBlock>;
  /** Line numbers, from 1, of table rows outside every block. */
  readonly strayRows: ReadonlyArray<number>;
}

/** A block without an end holds the rest of the page. */
export const parsePage = (page: string): ParsedPage => {
  const blocks: Array<{ name: string; lines: Array<string>; line: number }> = [];
  const strayRows: Array<number> = [];
  let open: { lines: Array<string> } | undefined;
  for (const [index, line] of page.split("\n").entries()) {
    const name = opening.exec(line)?.[1];
    if (line === closing) open = undefined;
    else if (name !== undefined) {
      const block = { name, lines: [], line: index + 2 };
      blocks.push(block);
      open = block;
    } else if (open !== undefined) open.lines.push(line);
    else if (/^\s*(?:\||<t[rdh])/iu.test(line)) strayRows.push(index + 1);
  }
  return { blocks, strayRows };
};

/** One line, without characters that move a cursor or reorder text. */
const oneLine = (words: string): string =>
  words.replace(/\s+/gu, " ").replace(/[\p{Cc}\p{Cf}]/gu, "\u{FFFD}");

/** Escapes names and labels, which people wrote. */
export const markdownText = (words: string): string =>
  oneLine(words).replace(/[\\|<>*_`[\]]/gu, (character) => `\\${character}`);

export const markdownCode = (command: string): string =>
  `\`${oneLine(command).replaceAll("`", "'").replaceAll("|", "\\|")}\``;

export const markdownTable = (head: Lines, rows: ReadonlyArray<Lines>): Lines =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
