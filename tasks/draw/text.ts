import { digitHeight, glyphs, unitsPerEm } from "./glyphs.ts";
import type { Level, Raster } from "./Raster.ts";

/** Digit height in ems. */
export const heightInEms = digitHeight / unitsPerEm;

// Eight chords for each quadratic piece stay within a tenth of a pixel of the curve, for digits up to 500 pixels high.
const chords = 8;

interface Outline {
  readonly advance: number;
  /** Segments x0, y0, x1, y1 in ems, y downwards from the baseline. */
  readonly segments: Float64Array;
}

const flatten = (contour: ReadonlyArray<number>): Array<number> => {
  const points = contour as Array<number>;
  const segments: Array<number> = [];
  let x = points[0]! / unitsPerEm;
  let y = -points[1]! / unitsPerEm;
  for (let i = 2; i < points.length; i += 4) {
    const [cx, cy, ex, ey] = [
      points[i]! / unitsPerEm,
      -points[i + 1]! / unitsPerEm,
      points[i + 2]! / unitsPerEm,
      -points[i + 3]! / unitsPerEm,
    ];
    const straight = Math.abs((cx - x) * (ey - y) - (cy - y) * (ex - x)) < 1e-9;
    const steps = straight ? 1 : chords;
    const [sx, sy] = [x, y];
    for (let s = 1; s <= steps; s++) {
      const t = s / steps;
      const nx = (1 - t) * (1 - t) * sx + 2 * t * (1 - t) * cx + t * t * ex;
      const ny = (1 - t) * (1 - t) * sy + 2 * t * (1 - t) * cy + t * t * ey;
      segments.push(x, y, nx, ny);
      x = nx;
      y = ny;
    }
  }
  return segments;
};

const outlines = new Map<string, Outline>(
  Object.entries(glyphs).map(([character, glyph]) => [
    character,
    {
      advance: glyph.advance / unitsPerEm,
      segments: Float64Array.from(glyph.contours.flatMap(flatten)),
    },
  ]),
);

/**
 * Signed areas of outline segments in a window of pixels; their running sum along a row is each pixel's coverage.
 * A segment adds the area to its right to the pixel that it crosses, and the rest of its height to the next pixel.
 */
class CoverageWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly cells: Float32Array;

  constructor(left: number, top: number, right: number, bottom: number) {
    this.left = Math.floor(left);
    this.top = Math.floor(top);
    // Two columns beyond the shape: one for its last pixel, one for the rest that this pixel adds to the next.
    this.width = Math.floor(right) - this.left + 3;
    this.height = Math.floor(bottom) - this.top + 1;
    this.cells = new Float32Array(this.width * this.height);
  }

  add(x0: number, y0: number, x1: number, y1: number): void {
    if (y0 === y1) return;
    const sign = y0 < y1 ? 1 : -1;
    const [ax, ay, bx, by] =
      sign > 0
        ? [x0 - this.left, y0 - this.top, x1 - this.left, y1 - this.top]
        : [x1 - this.left, y1 - this.top, x0 - this.left, y0 - this.top];
    const slope = (bx - ax) / (by - ay);
    for (let row = Math.floor(ay); row < by; row++) {
      const from = Math.max(ay, row);
      const to = Math.min(by, row + 1);
      this.addInRow(row, ax + (from - ay) * slope, ax + (to - ay) * slope, sign * (to - from));
    }
  }

  /** Adds a segment within one row of pixels, cut at the columns that it crosses; `height` is signed. */
  private addInRow(row: number, xa: number, xb: number, height: number): void {
    const start = Math.min(xa, xb);
    const end = Math.max(xa, xb);
    const first = Math.floor(start);
    const base = row * this.width;
    if (end <= first + 1) return this.addInPixel(base + first, height, (start + end) / 2 - first);
    for (let column = first; column < end; column++) {
      const from = Math.max(start, column);
      const to = Math.min(end, column + 1);
      this.addInPixel(
        base + column,
        (height * (to - from)) / (end - start),
        (from + to) / 2 - column,
      );
    }
  }

  private addInPixel(cell: number, height: number, meanOffset: number): void {
    this.cells[cell]! += height * (1 - meanOffset);
    this.cells[cell + 1]! += height * meanOffset;
  }

  paint(raster: Raster, level: Level): void {
    for (let row = 0; row < this.height; row++) {
      const y = this.top + row;
      if (y < 0 || y >= raster.size) continue;
      let covered = 0;
      for (let column = 0; column < this.width; column++) {
        covered += this.cells[row * this.width + column]!;
        const x = this.left + column;
        // Coverage below one grey level is rounding error of the sum.
        const share = Math.abs(covered);
        if (share > 0.002 && x >= 0 && x < raster.size)
          raster.blend(y * raster.size + x, level, share);
      }
    }
  }
}

/**
 * Draws digits centred on (cx, cy): half of their height above and below, half of their advance left and right.
 * `em` is the font size in pixels, `angle` a clockwise rotation about the centre in radians.
 */
export const drawDigits = (
  raster: Raster,
  digits: string,
  cx: number,
  cy: number,
  em: number,
  level: Level,
  angle = 0,
): void => {
  const shapes = [...digits].map((digit) => outlines.get(digit)!);
  const total = shapes.reduce((sum, shape) => sum + shape.advance, 0);
  const cos = Math.cos(angle) * em;
  const sin = Math.sin(angle) * em;
  let pen = -total / 2;
  for (const { advance, segments } of shapes) {
    const placed = new Float64Array(segments.length);
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < segments.length; i += 2) {
      const u = segments[i]! + pen;
      const v = segments[i + 1]! + heightInEms / 2;
      const x = cx + u * cos - v * sin;
      const y = cy + u * sin + v * cos;
      placed[i] = x;
      placed[i + 1] = y;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    const window = new CoverageWindow(left, top, right, bottom);
    for (let i = 0; i < placed.length; i += 4)
      window.add(placed[i]!, placed[i + 1]!, placed[i + 2]!, placed[i + 3]!);
    window.paint(raster, level);
    pen += advance;
  }
};
