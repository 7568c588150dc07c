/** Claims: the numbers that a bundle stands for. Writing and verifying a bundle share them. */
import { labelsText } from "../schemas/labels.ts";

type Labels = Readonly<Record<string, string>>;

export interface ClaimedNumber {
  /** `table[loss=token]/a`: node, labels of the row, metric. */
  readonly id: string;
  readonly text: string;
  readonly row: Labels;
  readonly metric: string;
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  /** Its cell on the page that a reader sees first; the other numbers are in CLAIMS.json alone. */
  readonly headline?: { readonly row: string; readonly column: string };
}

export interface ClaimedNumbers {
  readonly numbers: ReadonlyArray<ClaimedNumber>;
  /** Facts that hold for all numbers, such as the models and the kind of interval. */
  readonly facts: ReadonlyArray<string>;
  /** Explains the columns to a reader. */
  readonly legend: string;
  /** Axes whose values are repetitions, such as seeds: their spread widens tolerances. */
  readonly pooledOver: ReadonlyArray<string>;
}

export const claimId = (node: string, row: Labels, metric: string): string => {
  const labels = labelsText(row);
  return `${node}${labels === "" ? "" : `[${labels}]`}/${metric}`;
};

export const modelsFact = (models: ReadonlyArray<string> = []): string =>
  `models: ${models.length === 0 ? "unknown" : models.join(", ")}`;
