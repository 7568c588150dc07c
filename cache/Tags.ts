/** Names that people give to artifacts. What has one is kept. */
import type { Digest } from "../schemas/Digest.ts";
import type { Index } from "./Index.ts";

export interface Tag {
  readonly name: string;
  readonly artifact: Digest;
  /** ISO 8601. */
  readonly taggedAt: string;
}

export const allTags = (index: Index): ReadonlyArray<Tag> =>
  index.rows("SELECT name, artifact, tagged_at FROM tags ORDER BY name").map((row) => ({
    name: String(row["name"]),
    artifact: String(row["artifact"]),
    taggedAt: String(row["tagged_at"]),
  }));

export const findTag = (index: Index, name: string): Tag | undefined =>
  allTags(index).find((tag) => tag.name === name);

/** What stands in the way: another artifact of that name, or that `pipe gc` was faster. */
export type TagRefused = "taken" | "gone";

export const addTag = (index: Index, { name, artifact, taggedAt }: Tag): TagRefused | undefined =>
  index.transaction(() => {
    const known = findTag(index, name);
    if (known !== undefined) return known.artifact === artifact ? undefined : "taken";
    const [row] = index.rows("SELECT collected FROM artifacts WHERE digest = ?", artifact);
    if (row === undefined || row["collected"] === 1) return "gone";
    index.change("INSERT INTO tags VALUES (?, ?, ?)", name, artifact, taggedAt);
    return undefined;
  });

export const removeTag = (index: Index, name: string) =>
  index.change("DELETE FROM tags WHERE name = ?", name);
