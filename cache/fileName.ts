/** Texts that people chose, as names of files and folders. */
import { digestBytes, shortDigest } from "../schemas/Digest.ts";

const unfit = /[^\p{L}\p{N}.,=[\]_+~-]/gu;
/** Names that are no text, and texts that look as if they had the beginning of a digest already. */
const ambiguous = /^\.*$|~[0-9a-f]{12}$/u;
const mostBytes = 200;

/**
 * The text itself where every file system takes it; otherwise what can stay of it and the beginning of its digest, so that
 * two texts never share a name.
 */
export const fileName = (text: string): string => {
  const characters = [...text.replace(unfit, "_")];
  while (Buffer.byteLength(characters.join("")) > mostBytes) characters.pop();
  const kept = characters.join("");
  return kept === text && !ambiguous.test(text)
    ? text
    : `${kept}~${shortDigest(digestBytes(text))}`;
};
