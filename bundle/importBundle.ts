/** Takes a bundle's artifacts into a store, so that what was expensive to make is found there. */
import { Effect } from "effect";
import type { Store } from "../cache/Store.ts";
import type { StoreTrouble } from "../cache/StoreTrouble.ts";
import { BadBundle } from "./BadBundle.ts";
import type { OpenBundle } from "./open.ts";

export interface ImportReport {
  /** Artifacts that are in the store from now on, and those that were there before. */
  readonly stored: number;
  readonly known: number;
  /** Known by what they are, with files that the bundle does not have. */
  readonly incomplete: number;
}

export const importBundle = (
  _bundle: OpenBundle,
): Effect.Effect<ImportReport, BadBundle | StoreTrouble, Store> =>
  Effect.fail(new BadBundle({ message: "not yet", fix: "wait" }));
