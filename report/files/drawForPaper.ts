/** Draws a figure at the width of a column, or of the text where it has several plots side by side, in the page's light colours. */
import { draw } from "../figures/draw.ts";
import type { Figure } from "../figures/Figure.ts";
import type { Drawing } from "./formats.ts";
import { finished } from "./finished.ts";

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
  return { svg: finished(drawn), ...sizeOf(drawn), date };
};

const sizeOf = (svg: string): { readonly width: number; readonly height: number } => {
  const [, width, height] = /^<svg[^>]* width="([\d.]+)" height="([\d.]+)"/u.exec(svg) ?? [];
  return { width: Number(width), height: Number(height) };
};
