/** File names for texts that people chose, such as names of nodes. */
import { digestBytes, shortDigest } from "../schemas/Digest.ts";

const unfit = /[^\p{L}\p{N}.,=[\]_+~-]/gu;
/** `.`, `..`, the empty name, and texts that end like a shortened one. */
const ambiguous = /^\.*$|~[0-9a-f]{12}$/u;
const mostBytes = 200;

/**
 * The text itself if every file system accepts it as a name, or else its acceptable part with the beginning of its digest.
 * Different texts get different names.
 */
export const fileName = (text: string): string => {
  const characters = [...text.replace(unfit, "_")];
  while (Buffer.byteLength(characters.join("")) > mostBytes) characters.pop();
  const kept = characters.join("");
  return kept === text && !ambiguous.test(text)
    ? text
    : `${kept}~${shortDigest(digestBytes(text))}`;
};
