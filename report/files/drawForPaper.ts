/** Draws a figure at the width of a column, or of the text where it has several plots side by side, in the page's light colours. */
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import { draw } from "../figures/draw.ts";
import type { Figure } from "../figures/Figure.ts";
import type { Drawing } from "./formats.ts";

/** 3.25 and 6.75 inches, as conferences' two-column papers have them. */
const widths = { column: 312, text: 648 } as const;

/** Wider figures on the page span both columns. */
const mostInColumn = 470;

export const drawForPaper = async (
  { chart, plots, width }: Figure,
  date: string,
): Promise<Drawing> => {
  const target = plots * width > mostInColumn ? widths.text : widths.column;
  let plot = target / plots - 40;
  let drawn = await draw(chart(plot), "file");
  // All but the plots nearly keeps its size: a few rounds come as near as a pixel.
  for (let round = 0; round < 3; round += 1) {
    const excess = sizeOf(drawn).width - target;
    if (Math.abs(excess) < 1) break;
    plot = Math.max(40, plot - excess / plots);
    drawn = await draw(chart(plot), "file");
  }
  return { svg: rounded(inLight(drawn)), ...sizeOf(drawn), date };
};

const sizeOf = (svg: string): { readonly width: number; readonly height: number } => {
  const [, width, height] = /^<svg[^>]* width="([\d.]+)" height="([\d.]+)"/u.exec(svg) ?? [];
  return { width: Number(width), height: Number(height) };
};

/** A tenth of a pixel is fine enough for print, and makes files smaller. */
const rounded = (svg: string): string =>
  svg.replaceAll(
    /( d=")([^"]*)/gu,
    (_, start: string, numbers: string) => start + numbers.replaceAll(/(\.\d)\d+/gu, "$1"),
  );

const inLight = (svg: string): string => {
  const style = fs.readFileSync(path.join(root, "report/page/style.css"), "utf8");
  const [light = ""] = style.split("@media");
  const colours = new Map(
    [...light.matchAll(/(?<name>--[\w-]+): (?<value>#\w+);/gu)].map(({ groups }) => [
      groups!["name"]!,
      groups!["value"]!,
    ]),
  );
  return svg.replaceAll(/var\((--[\w-]+)\)/gu, (_, name: string) => colours.get(name)!);
};
