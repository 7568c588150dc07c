/** Carries out the repairs of `pipe fsck`: damaged files move to `quarantine/` and are computed again. */
import fs from "node:fs";
import type { Digest } from "../schemas/Digest.ts";
import { RunDirectory } from "./RunDirectory.ts";
import { removeDead } from "./Claims.ts";
import type { Repair } from "./Fsck.ts";
import type { Ledger } from "./Ledger.ts";
import { restoreBlob } from "./addTree.ts";

export const repair = (ledger: Ledger, work: Repair): void => {
  const { home, trees } = ledger;
  switch (work._tag) {
    case "SetFileAside":
      return setAside(ledger, work.file);
    case "SetArtifactAside":
      return setArtifactAside(ledger, work.artifact);
    case "RestoreTimes":
      return work.files.forEach(([file, stored]) => trees.restore(file, stored));
    case "RestoreBlobs":
      return work.files.forEach(([file, stored]) => restoreBlob(file, trees.blobOf(stored)));
    case "RemoveClaim":
      return void removeDead(home, work.claim);
    case "SetRunAside":
      return setAside(ledger, RunDirectory.of(home, work.run).path);
    case "RemoveLink":
      return fs.rmSync(work.link, { force: true });
  }
};

const setAside = ({ trees }: Ledger, target: string) => {
  if (fs.existsSync(target)) trees.quarantine(target);
};

/** The tree first: after a kill in between the artifact has no files and is not used either. */
const setArtifactAside = (ledger: Ledger, artifact: Digest) =>
  ledger.hold(() => {
    setAside(ledger, ledger.trees.directoryOf(artifact));
    ledger.absences.mark(artifact, "damaged");
  });
