/** The entries of a bundle for double-blind review: where texts of ours name people, they no longer do. */
import fs from "node:fs";
import { textBytes } from "./content.ts";
import type { Entry } from "./format.ts";
import { anonymousLicense, anonymousPackage, anonymousSpec } from "./scan/anonymous.ts";
import type { Known } from "./scan/Finding.ts";

export const withoutAuthors = (
  entries: ReadonlyArray<Entry>,
  known: Known,
): ReadonlyArray<Entry> => {
  const changes: Readonly<Record<string, (text: string) => string>> = {
    "data/experiment.yaml": (text) => anonymousSpec(text, known),
    "data/environment/package.json": anonymousPackage,
    "data/source/package.json": anonymousPackage,
    "data/source/LICENSE": anonymousLicense,
  };
  return entries.map((entry) => {
    const change = changes[entry.path];
    return change === undefined
      ? entry
      : { ...entry, content: textBytes(change(textOf(entry.content))) };
  });
};

const textOf = (content: Entry["content"]): string =>
  content instanceof Uint8Array
    ? new TextDecoder().decode(content)
    : fs.readFileSync(content.file, "utf8");
