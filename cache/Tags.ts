/** Names that people give to artifacts: `tags/<name>.json`. A tagged artifact is kept. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import { namesIn } from "./diskUse.ts";
import { fileName } from "./fileName.ts";
import type { Ledger } from "./Ledger.ts";
import { StoreTrouble } from "./StoreTrouble.ts";
import { incomingPath } from "./Trees.ts";

export const Tag = Schema.Struct({
  name: Schema.String,
  artifact: Schema.String,
  /** ISO 8601. */
  taggedAt: Schema.String,
});
export interface Tag extends Schema.Schema.Type<typeof Tag> {}

const decodeTag = Schema.decodeUnknownOption(Schema.fromJsonString(Tag));

/** Every tag file; `tag` is undefined if the file can't be read. */
export const tagFiles = (
  home: string,
): ReadonlyArray<{ readonly file: string; readonly tag: Tag | undefined }> =>
  namesIn(`${home}/tags`)
    .toSorted()
    .map((name) => {
      const file = `${home}/tags/${name}`;
      return { file, tag: Option.getOrUndefined(decodeTag(fs.readFileSync(file, "utf8"))) };
    });

/** Every tag, by name. Throws if one can't be read, since gc could delete the artifact that it keeps. */
export const allTags = (home: string): ReadonlyArray<Tag> =>
  tagFiles(home)
    .map(({ file, tag }) => {
      if (tag !== undefined) return tag;
      throw new StoreTrouble({
        message: `the tag ${file} can't be read`,
        fix: "pipe fsck --repair moves it to quarantine/; then tag the artifact again",
      });
    })
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));

export const findTag = (home: string, name: string): Tag | undefined =>
  allTags(home).find((tag) => tag.name === name);

/** `taken`: another artifact has the name; `gone`: `pipe gc` deleted the artifact. */
export type TagRefusal = "taken" | "gone";

export const addTag = (ledger: Ledger, tag: Tag): TagRefusal | undefined =>
  ledger.hold(() => {
    const { home } = ledger;
    const known = findTag(home, tag.name);
    if (known !== undefined) return known.artifact === tag.artifact ? undefined : "taken";
    if (!ledger.isThere(tag.artifact) || ledger.absences.has(tag.artifact, "collected"))
      return "gone";
    writeTag(home, tag);
    return undefined;
  });

export const writeTag = (home: string, tag: Tag) => {
  const file = incomingPath(home);
  fs.writeFileSync(file, `${JSON.stringify(tag)}\n`, { flush: true });
  fs.renameSync(file, fileOf(home, tag.name));
};

export const removeTag = (home: string, name: string) =>
  fs.rmSync(fileOf(home, name), { force: true });

const fileOf = (home: string, name: string): string => `${home}/tags/${fileName(name)}.json`;
