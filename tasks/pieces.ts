/**
 * The number of tokens of a transcript in the micro tokenizer, where an edge, a cell or a word is one token. The split is
 * lossless; `trainers/tokenizer.py` reads the same `pieces.json`.
 */
import pieces from "./pieces.json" with { type: "json" };

const piece = new RegExp(pieces.join("|"), "gu");

export const countTokens = (text: string): number => text.match(piece)?.length ?? 0;
