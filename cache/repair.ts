/** Puts right what `examine` found: what is damaged is set aside, so that it answers nothing and is made anew. */
import fs from "node:fs";
import path from "node:path";
import type { Digest } from "../schemas/Digest.ts";
import type { Repair } from "./Fsck.ts";
import type { Index } from "./Index.ts";
import { ownerLives } from "./OwnerLock.ts";
import { linkedInto, Trees } from "./Trees.ts";

export const repair = (home: string, index: Index, work: Repair): void => {
  const trees = new Trees(home);
  switch (work._tag) {
    case "SetBlobAside":
      return setAside(trees, work.blob);
    case "SetArtifactAside":
      return setArtifactAside(trees, index, work.artifact);
    case "RestoreTimes":
      return work.files.forEach(([file, stored]) => trees.restore(file, stored));
    case "RestoreBlobs":
      return work.files.forEach(([file, stored]) => void linkedInto(file, trees.blobOf(stored)));
    case "ForgetAction":
      return index.change("DELETE FROM actions WHERE id = ?", work.id);
    case "ForgetTag":
      return index.change("DELETE FROM tags WHERE name = ?", work.name);
    case "ForgetClaim":
      if (!ownerLives(path.join(home, "owners", work.owner)))
        index.change("DELETE FROM claims WHERE key = ? AND owner = ?", work.key, work.owner);
      return;
    case "SetRunAside":
      return setAside(trees, path.join(home, "runs", work.run));
    case "RemoveLink":
      return fs.rmSync(work.link, { force: true });
  }
};

const setAside = (trees: Trees, target: string) => {
  if (fs.existsSync(target)) trees.quarantine(target);
};

/** The tree first: a kill in between leaves an artifact without files, which answers nothing either. */
const setArtifactAside = (trees: Trees, index: Index, artifact: Digest) =>
  index.transaction(() => {
    setAside(trees, trees.directoryOf(artifact));
    index.change("UPDATE artifacts SET collected = 2 WHERE digest = ?", artifact);
  });
