/**
 * The licences of pipe and of its results, and digests of licence texts: everything that `verify.mjs` needs to know of licences, because
 * it has no other files of pipe.
 */

export const licenseOfData = "CC0-1.0";
export const licenseOfModels = "MIT";

/** The font of the digits in pictures; the drawn shapes are not under its licence. */
export const licenseOfFont = "LicenseRef-DejaVu";
export const fontText = "tasks/draw/DEJAVU-LICENSE.txt";
const fontFiles = new Set([fontText, "tasks/draw/glyphs.ts"]);

/** The licence of a file of pipe, whose own is `license`. */
export const licenseOfSource = (file: string, license: string): string =>
  fontFiles.has(file) ? licenseOfFont : license;

/** The identifiers of an expression `A AND B`. */
export const licensesIn = (expression: string): ReadonlyArray<string> => expression.split(" AND ");

/** SHA-256 of the licence text of each identifier. */
export const licenseTexts: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "Apache-2.0": "074e6e32c86a4c0ef8b3ed25b721ca23aca83df277cd88106ef7177c354615ff",
    "BSD-3-Clause": "3cf06aba3588c41c514f6946bb2d757b413ff6491647d474800f55edca75dcb4",
    "CC-BY-4.0": "d557539df68e771cc1eedcc91d13f70fca930e508d11eedcafa4b15db49e3744",
    "CC0-1.0": "a2010f343487d3f7618affe54f789f5487602331c0a8d03f49e9a7c547cf0499",
    ISC: "f2ec607f67bb0dd3053b49835b02110d5cd0f8eb6da3aac4dc0b142a6b299be9",
    MIT: "b05785f9f18e6716bab63424b11454513b9943a222595b70411009202fc592b5",
    "LicenseRef-DejaVu": "7a083b136e64d064794c3419751e5c7dd10d2f64c108fe5ba161eae5e5958a93",
  }),
);
