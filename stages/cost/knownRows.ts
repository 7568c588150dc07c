/** The rows of a split, as far as they are known before the data set is made. */
import type { SplitName } from "../../tasks/split.ts";
import type { HubDatasetParams } from "../HubDataset.ts";
import { splitRows } from "../splitRows.ts";
import type { Maker } from "../Stage.ts";
import type { UnknownWorkload } from "./Workload.ts";

/** The Hub shows 20.5 thousand rows a set; how they divide into splits is our reading of the paper. */
const published: Readonly<Record<SplitName, number>> = {
  train_sft: 4000,
  train_rl: 16_000,
  test: 500,
  validation: 0,
};
const publishedSets = ["xqwu/asymmetric-VLM__gc", "xqwu/asymmetric-VLM__sudoku"];

export const knownRows = (
  maker: Maker | undefined,
  { split, limit }: { readonly split: SplitName; readonly limit: number | null },
): number | undefined => {
  const rows = splitRows(maker, split) ?? publishedRows(maker, split);
  return rows === undefined ? (limit ?? undefined) : Math.min(rows, limit ?? rows);
};

const publishedRows = (maker: Maker | undefined, split: SplitName): number | undefined =>
  maker?.stage === "hub-dataset" &&
  publishedSets.includes((maker.params as HubDatasetParams).repo) &&
  published[split] > 0
    ? published[split]
    : undefined;

export const noRows: UnknownWorkload = {
  unknown: "how many rows its data has",
  fix: "give it a `limit`",
};
