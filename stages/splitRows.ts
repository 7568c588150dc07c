/** The number of rows of a split, as the params of the stage that drew it say. */
import type { SplitName } from "../tasks/split.ts";
import type { RenderParams } from "./Render.ts";
import type { Maker } from "./Stage.ts";

export const splitRows = (maker: Maker | undefined, split: SplitName): number | undefined =>
  maker?.stage === "render" ? (maker.params as RenderParams).splits[split] : undefined;

/** The rows that are used: the first `limit`, or all. */
export const usedRows = (
  maker: Maker | undefined,
  { split, limit }: { readonly split: SplitName; readonly limit: number | null },
): number | undefined => {
  const rows = splitRows(maker, split);
  return rows === undefined || limit === null ? (limit ?? rows) : Math.min(limit, rows);
};
