/**
 * Part of the build (`rolldown.config.ts`): notes of which npm packages there is code in what was built, under which licence they are and
 * what its text is, beside the built file. The bundler alone knows; a package without a licence ends the build.
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
      const packages = [...folders].map(licensed).toSorted(byName);
      const source = `${JSON.stringify(packages, null, 2)}\n`;
      this.emitFile({ type: "asset", fileName: file, source });
    },
  },
});

/** Where the package of a module lies, be it within another's `node_modules`. */
const packageFolder = (id: string): string | undefined =>
  /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//u.exec(id)?.[1];

interface Licensed {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly text: string;
}

const licensed = (folder: string): Licensed => {
  const { name, version, license } = JSON.parse(
    fs.readFileSync(path.join(folder, "package.json"), "utf8"),
  ) as Partial<Licensed>;
  const textFile = fs
    .readdirSync(folder)
    .toSorted()
    .find((entry) => /^(?:licen[cs]e|copying)(?:\.|$)/iu.test(entry));
  if (name === undefined || version === undefined || typeof license !== "string")
    throw new Error(`${folder} says no licence in its package.json`);
  if (textFile === undefined) throw new Error(`${name} ${version} has no text of its licence`);
  const text = fs.readFileSync(path.join(folder, textFile), "utf8").replaceAll("\r\n", "\n");
  return { name, version, license, text };
};

const byName = (one: Licensed, other: Licensed): number => {
  const [left, right] = [`${one.name}@${one.version}`, `${other.name}@${other.version}`];
  return left < right ? -1 : Number(left > right);
};
