/** Notices of the packages in `verify.mjs`: names, licences and their texts. */
import { licenseOfFont, licenseOfModels } from "./terms.ts";

export interface PackageNotice {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  readonly text: string;
}

/** The licence expression of `verify.mjs`: ours, the font's and those of its packages. */
export const termsWith = (packages: ReadonlyArray<PackageNotice>): string => {
  const others = packages.map(({ license }) => license);
  return [...new Set([licenseOfModels, licenseOfFont, ...others])].toSorted().join(" AND ");
};

const rule = "=".repeat(80);

export const noticesOf = (packages: ReadonlyArray<PackageNotice>): string =>
  [
    `verify.mjs is part of pipe, under the MIT license. It contains digits of the font DejaVu Sans (${licenseOfFont}.txt) and parts of these packages:`,
    ...packages.map(
      ({ name, version, license, text }) =>
        `${rule}\n${name} ${version} (${license})\n\n${text.trim()}`,
    ),
    "",
  ].join("\n\n");

/** The inverse of `noticesOf`; text that it did not write gives other notices. */
export const noticesIn = (text: string): ReadonlyArray<PackageNotice> =>
  text
    .split(`\n\n${rule}\n`)
    .slice(1)
    .flatMap((part) => {
      const end = part.indexOf("\n\n");
      const [, name, version, license] = /^(\S+) (\S+) \((.+)\)$/u.exec(part.slice(0, end)) ?? [];
      return name === undefined || version === undefined || license === undefined
        ? []
        : [{ name, version, license, text: part.slice(end).trim() }];
    });
