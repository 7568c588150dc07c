/**
 * What the scan finds in pipe's own files, which go into every bundle: each has been looked at. The ids are of the kind, the file and what
 * was found, so anything else in the same file is still refused. `test/bundle/productFindings.test.ts` says which are missing or idle.
 */
const inComments = "an example in a comment of a package; nobody's";

export const productFindings: ReadonlyMap<string, string> = new Map([
  // data/verify.mjs
  ["a2ee455952c5", inComments],
  ["219d2f648064", inComments],
  ["5c9b024da852", inComments],
  ["60ceb8a5a94e", inComments],
  ["ad461c3c1384", "the number of a section of a standard, and no address"],
  // The author as he names himself in terms that ask for it: of the package yaml.
  ["6be5c856fc05", "part of a licence's text"],
]);
