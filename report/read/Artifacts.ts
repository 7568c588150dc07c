/** Where the files of artifacts lie, and how artifacts were made: in a store, or in a bundle. */
import type { DatasetRow } from "../../kinds/Dataset.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { Digest } from "../../schemas/Digest.ts";

export type Maker = Pick<Action, "kind" | "stage" | "keyParts">;

export interface Artifacts {
  readonly directoryOf: (artifact: Digest) => string;
  readonly makerOf: (artifact: Digest) => Maker | undefined;
  /** Draws pictures of a data set without their noise. */
  readonly cleanOf: (dataset: Digest) => DrawClean;
}

export type DrawClean = (row: DatasetRow) => Uint8Array | undefined;
