/** The page of a bundle, made from a copy of its payload, so that it shows what the bundle holds and no more. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import { licenseOfData } from "../describe/terms.ts";
import { textBytes } from "../format/content.ts";
import type { Entry } from "../format/format.ts";
import { type MakePage, pageFile } from "../format/MakePage.ts";

export const pageEntry = (entries: ReadonlyArray<Entry>, makePage: MakePage) =>
  Effect.tryPromise({
    try: async (): Promise<Entry> => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-page-"));
      try {
        for (const entry of entries) if (isShown(entry)) copy(entry, directory);
        const page = textBytes(await makePage(directory));
        return { path: pageFile, content: page, license: licenseOfData };
      } finally {
        fs.rmSync(directory, { recursive: true, force: true });
      }
    },
    catch: storeTrouble("the bundle's page can't be made"),
  });

const isShown = ({ path: file }: Entry): boolean =>
  file === "data/run.json" || file === "data/experiment.yaml" || file.startsWith("data/artifacts/");

/** Files of the store are linked: weights are large. */
const copy = ({ path: file, content }: Entry, directory: string): void => {
  const target = path.join(directory, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  if (content instanceof Uint8Array) fs.writeFileSync(target, content);
  else fs.symlinkSync(path.resolve(content.file), target);
};
