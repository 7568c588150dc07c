/** The files of a data set, by their paths: its splits, and what is said of them. */
import { splitOfFile } from "./Dataset.ts";

export const isOfDataset = (file: string): boolean =>
  splitOfFile(file) !== undefined || ["splits.json", "disagreements.jsonl"].includes(file);
