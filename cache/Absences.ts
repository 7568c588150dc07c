/** Recorded artifacts whose files are absent for a known reason: empty files `absent/<digest>.<reason>`. */
import fs from "node:fs";
import type { Digest } from "../schemas/Digest.ts";
import { namesIn } from "./diskUse.ts";

/** `pipe gc` deleted a `collected` artifact on purpose; `pipe fsck --repair` set a `damaged` one aside. */
export type Absence = "collected" | "damaged";

export class Absences {
  private readonly directory: string;

  constructor(home: string) {
    this.directory = `${home}/absent`;
  }

  /** Every absence. It counts only while the artifact has no tree. */
  all(): ReadonlyMap<Digest, Absence> {
    return new Map(
      namesIn(this.directory).map((name) => {
        const [digest = "", reason] = name.split(".");
        return [digest, reason === "damaged" ? "damaged" : "collected"];
      }),
    );
  }

  has(artifact: Digest, reason: Absence): boolean {
    return fs.existsSync(this.fileOf(artifact, reason));
  }

  mark(artifact: Digest, reason: Absence) {
    fs.closeSync(fs.openSync(this.fileOf(artifact, reason), "a"));
  }

  clear(artifact: Digest) {
    for (const reason of ["collected", "damaged"] as const)
      if (this.has(artifact, reason)) fs.rmSync(this.fileOf(artifact, reason), { force: true });
  }

  private fileOf(artifact: Digest, reason: Absence): string {
    return `${this.directory}/${artifact}.${reason}`;
  }
}
