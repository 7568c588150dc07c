/** Makes the text of a report: one HTML file, of one run or of two side by side. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../schemas/root.ts";
import { comparisonsOf } from "./analysis/comparisons.ts";
import { browserScript } from "./browserScript.ts";
import { noSamples, type Packing, packSamples } from "./packSamples.ts";
import { drawAll } from "./page/figures.ts";
import { reportPage } from "./page/page.ts";
import type { ReportData } from "./ReportData.ts";

export interface PageOptions {
  /** A live page follows its run from the address that serves it. */
  readonly isLive?: boolean;
  /** The largest size of the file; larger pages have fewer samples. */
  readonly mostBytes?: number;
  readonly packing?: Packing;
}

export const pageStyle = (): string =>
  fs.readFileSync(path.join(root, "report/page/style.css"), "utf8");

export const renderReport = async (
  data: ReportData,
  { isLive = false, mostBytes = 8_000_000, packing = "gzip" }: PageOptions = {},
): Promise<string> => {
  const style = pageStyle();
  const script = await browserScript();
  const comparisons = comparisonsOf(data);
  const made = { comparisons, drawn: await drawAll(data, comparisons), style, script, isLive };
  const without = reportPage(data, { ...made, data: noSamples, leftOut: "" });
  const samples = packSamples(data, mostBytes - Buffer.byteLength(without) - 1000, packing);
  return reportPage(data, { ...made, ...samples });
};
