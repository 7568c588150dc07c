/** Files and a card for a repository of the Hub. */
import type { ScannedFile } from "../scan/scan.ts";

export interface PublishedFile extends ScannedFile {
  /** By which the store knows it. */
  readonly sha256?: string;
}

export interface Publication {
  readonly type: "dataset" | "model";
  /** In words, such as `model 0123456789ab (study, sft)`. */
  readonly title: string;
  /** The folder of the files in the repository, with a slash at its end; empty for the top. */
  readonly folder: string;
  /** In code-unit order of their paths. */
  readonly files: ReadonlyArray<PublishedFile>;
  /** `README.md` at the repository's top. */
  readonly card: Uint8Array;
  /** Whether a file of the repository is of an earlier version and would be read along with this one. */
  readonly replaces: (path: string) => boolean;
  /** Reasons of findings that were allowed before, by id. */
  readonly recorded: ReadonlyMap<string, string>;
}

export const cardFile = "README.md";
