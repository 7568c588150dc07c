/**
 * What the scan finds in pipe's own files, which go into every bundle: each has been looked at. The ids are of the kind, the file and what
 * was found, so anything else in the same file is still refused. `test/bundle/productFindings.test.ts` says which are missing or idle.
 */
const inExamples = "an example in a comment of a rule of the scan; nobody's";
const inComments = "an example in a comment of a package; nobody's";

export const productFindings: ReadonlyMap<string, string> = new Map([
  // data/source/bundle/scan/rules/
  ["13490c5b08a2", inExamples],
  ["feb88ae1a488", inExamples],
  ["0270830bd9a8", inExamples],
  ["d5fbfc715bcf", inExamples],
  ["c4568314d684", inExamples],
  ["1d27bcc48394", inExamples],
  ["67d647e1a0da", inExamples],
  ["e0d14f8a7133", inExamples],
  ["5b260a010a38", "the words by which such keys are known, and no key"],
  ["34ca7f913019", "the words by which such keys are known, and no key"],
  // data/verify.mjs
  ["a2ee455952c5", inComments],
  ["219d2f648064", inComments],
  ["5c9b024da852", inComments],
  ["60ceb8a5a94e", inComments],
  ["ad461c3c1384", "the number of a section of a standard, and no address"],
  // Authors as they name themselves in terms that ask for it: of a font, and of the package yaml.
  ["2fde58e6e609", "part of a licence's text"],
  ["6be5c856fc05", "part of a licence's text"],
  ["dfd3dd3d46df", "part of a licence's text"],
]);
