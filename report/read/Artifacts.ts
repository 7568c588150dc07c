/** Where the files of artifacts lie, and how artifacts were made: in a store, or in a bundle. */
import type { Action } from "../../schemas/Artifact.ts";
import type { Digest } from "../../schemas/Digest.ts";

export type Maker = Pick<Action, "kind" | "stage" | "keyParts">;

export interface Artifacts {
  readonly directoryOf: (artifact: Digest) => string;
  readonly makerOf: (artifact: Digest) => Maker | undefined;
}
