/**
 * A plugin of the build (`rolldown.config.ts`): records the npm packages in the built file, each with its licence and text. A package
 * without a licence fails the build.
 */
import fs from "node:fs";
import path from "node:path";
import type { Plugin } from "rolldown";

export const packageLicenses = (file: string): Plugin => ({
  name: "package-licenses",
  generateBundle: {
    handler(_, output) {
      const folders = new Set<string>();
      for (const chunk of Object.values(output)) {
        if (chunk.type !== "chunk") continue;
        for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
          const folder = packageFolder(id);
          if (folder !== undefined && renderedLength > 0) folders.add(folder);
        }
      }
      const packages = [...folders].map(licenseIn).toSorted(byName);
      const source = `${JSON.stringify(packages, null, 2)}\n`;
      this.emitFile({ type: "asset", fileName: file, source });
    },
  },
});

/** The folder of a module's package, which may be nested in another's `node_modules`. */
const packageFolder = (id: string): string | undefined =>
  /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//u.exec(id)?.[1];

interface PackageLicense {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
}

const licenseIn = (folder: string): PackageLicense => {
  const { name, version, license } = JSON.parse(
    fs.readFileSync(path.join(folder, "package.json"), "utf8"),
  ) as Partial<PackageLicense>;
  const textFile = fs
    .readdirSync(folder)
    .toSorted()
    .find((entry) => /^(?:licen[cs]e|copying)(?:\.|$)/iu.test(entry));
  if (name === undefined || version === undefined || typeof license !== "string")
    throw new Error(`${folder} names no licence in its package.json`);
  if (textFile === undefined) throw new Error(`${name} ${version} has no licence text`);
  const text = fs.readFileSync(path.join(folder, textFile), "utf8").replaceAll("\r\n", "\n");
  return { name, version, license, text };
};

const byName = (one: PackageLicense, other: PackageLicense): number => {
  const [left, right] = [`${one.name}@${one.version}`, `${other.name}@${other.version}`];
  return left < right ? -1 : Number(left > right);
};
