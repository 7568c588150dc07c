/**
 * The lossless split of a transcript into the words of the micro tokenizer (`trainers/tokenizer.py` reads the same
 * `pieces.json`): one edge, one cell, one word is one token.
 */
import pieces from "./pieces.json" with { type: "json" };

const piece = new RegExp(pieces.join("|"), "gu");

export const countTokens = (text: string): number => text.match(piece)?.length ?? 0;
