import { finishImage, type ImageParams, ink } from "../draw/Image.ts";
import { Raster } from "../draw/Raster.ts";
import { drawDigits, heightInEms } from "../draw/text.ts";
import type { Random } from "../../stats/Random.ts";
import { type Grid, shape, sizeOf } from "./Grid.ts";
import type { SudokuParams } from "./params.ts";

/** Free paper on each side, as a fraction of the picture. */
const margin = 0.06;

/** The position of the grid: its corner (x, y) in pixels, and the rotation of its axes. */
interface Placement {
  readonly x: number;
  readonly y: number;
  readonly cell: number;
  /** Clockwise, in radians. */
  readonly angle: number;
}

/** Draws the grid with thick lines around boxes. Jitter shifts the grid, and each digit by half as much; rotation turns both. */
export const drawSudoku = (
  grid: Grid,
  { blank_cells }: SudokuParams,
  image: ImageParams,
  random: Random,
): Buffer => {
  const raster = new Raster(image.size, ink.paper);
  const placement = place(sizeOf(grid), image, random);
  const { cell, angle } = placement;
  drawLines(raster, grid, placement);
  const shift = Math.min(0.15, image.jitter / 2) * cell;
  grid.forEach((row, r) =>
    row.forEach((digit, c) => {
      const dx = shift * random.uniform(-1, 1);
      const dy = shift * random.uniform(-1, 1);
      if (digit === 0 && blank_cells === "empty") return;
      const center = turned(placement, (c + 0.5) * cell + dx, (r + 0.5) * cell + dy);
      drawDigits(
        raster,
        String(digit),
        center.x,
        center.y,
        (0.58 * cell) / heightInEms,
        ink.text,
        angle,
      );
    }),
  );
  return finishImage(raster, image, random, image.rotation === 0 ? "rows" : "runs");
};

const place = (size: number, image: ImageParams, random: Random): Placement => {
  const angle = (random.uniform(-1, 1) * image.rotation * Math.PI) / 180;
  const width = (1 - 2 * margin) * image.size;
  // A rotated square is |cos| + |sin| times as wide as its side. Without rotation, whole pixels keep lines sharp.
  const exact = width / size / (Math.abs(Math.cos(angle)) + Math.abs(Math.sin(angle)));
  const cell = angle === 0 ? Math.max(2, Math.floor(exact)) : exact;
  const reach = Math.min(image.jitter * cell, margin * image.size - 1);
  const centre = () => image.size / 2 + Math.max(0, reach) * random.uniform(-1, 1);
  const [cx, cy] = [centre(), centre()];
  const half = (cell * size) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const corner = { x: cx - half * cos + half * sin, y: cy - half * sin - half * cos };
  return {
    x: angle === 0 ? Math.round(corner.x) : corner.x,
    y: angle === 0 ? Math.round(corner.y) : corner.y,
    cell,
    angle,
  };
};

const drawLines = (raster: Raster, grid: Grid, placement: Placement): void => {
  const { size, boxHeight, boxWidth } = shape(sizeOf(grid));
  const thin = Math.max(1, Math.round(raster.size / 360));
  const thick = Math.max(2, Math.round(raster.size / 120));
  const end = size * placement.cell;
  const stroke = (x0: number, y0: number, x1: number, y1: number, width: number, level: number) => {
    // A vertical or horizontal line is sharp when its edges, not its middle, lie between pixels.
    const nudge = placement.angle === 0 && width % 2 === 1 ? 0.5 : 0;
    const [from, to] = [turned(placement, x0, y0), turned(placement, x1, y1)];
    raster.line(from.x + nudge, from.y + nudge, to.x + nudge, to.y + nudge, width, level);
  };
  // Thick lines come last, so that no thin line crosses them.
  for (const thickPass of [false, true]) {
    const [width, level] = thickPass ? [thick, ink.outline] : [thin, ink.stroke];
    for (let i = 0; i <= size; i++) {
      const at = i * placement.cell;
      if ((i % boxWidth === 0) === thickPass) stroke(at, 0, at, end, width, level);
      if ((i % boxHeight === 0) === thickPass) stroke(0, at, end, at, width, level);
    }
  }
};

const turned = ({ x, y, angle }: Placement, u: number, v: number) => {
  return {
    x: x + u * Math.cos(angle) - v * Math.sin(angle),
    y: y + u * Math.sin(angle) + v * Math.cos(angle),
  };
};
