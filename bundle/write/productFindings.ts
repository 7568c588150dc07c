/**
 * Reviewed findings in pipe's own files, which are part of every bundle. An id covers kind, file and text, so any other finding in the
 * same file is still refused. `test/bundle/productFindings.test.ts` reports missing and unused ids.
 */
const inComments = "an example in a comment of a package; it belongs to nobody";

export const productFindings: ReadonlyMap<string, string> = new Map([
  // data/verify.mjs
  ["a2ee455952c5", inComments],
  ["219d2f648064", inComments],
  ["5c9b024da852", inComments],
  ["60ceb8a5a94e", inComments],
  ["ad461c3c1384", "a section number of a standard, not an address"],
  // The author of the package yaml, whose licence requires the name.
  ["6be5c856fc05", "part of a licence's text"],
]);
