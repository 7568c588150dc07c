/** What has to be said of other people's packages in `verify.mjs`: their names, terms and the texts of these. */
import { licenseOfFont, licenseOfModels } from "./terms.ts";

export interface PackageNotice {
  readonly name: string;
  readonly version: string;
  /** SPDX. */
  readonly license: string;
  readonly text: string;
}

/** The terms of `verify.mjs`: ours with the font's, since stages that draw are in it, and those of every package in it. */
export const termsWith = (packages: ReadonlyArray<PackageNotice>): string => {
  const others = packages.map(({ license }) => license);
  return [...new Set([licenseOfModels, licenseOfFont, ...others])].toSorted().join(" AND ");
};

const rule = "=".repeat(80);

export const noticesOf = (packages: ReadonlyArray<PackageNotice>): string =>
  [
    `verify.mjs is pipe's own work under the MIT license. In it are digits of the font DejaVu Sans (${licenseOfFont}.txt) and parts of these packages:`,
    ...packages.map(
      ({ name, version, license, text }) =>
        `${rule}\n${name} ${version} (${license})\n\n${text.trim()}`,
    ),
    "",
  ].join("\n\n");

/** Whose notices a text holds; of one that is no such text, `noticesOf` makes another. */
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
