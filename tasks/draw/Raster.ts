/** A grey level, from 0, black, to 255, white. */
export type Level = number;

/**
 * A square picture of grey levels. Pixel (x, y) covers [x, x+1) by [y, y+1), y downwards. Shapes cover earlier ones; their
 * edges are anti-aliased by the covered share of each pixel.
 */
export class Raster {
  readonly size: number;
  readonly pixels: Uint8Array;

  constructor(size: number, background: Level) {
    this.size = size;
    this.pixels = new Uint8Array(size * size).fill(background);
  }

  /** Paints one pixel; `coverage` is clipped to 0..1. */
  blend(index: number, level: Level, coverage: number): void {
    if (coverage <= 0) return;
    const below = this.pixels[index] as number;
    this.pixels[index] = coverage >= 1 ? level : (below + (level - below) * coverage + 0.5) | 0;
  }

  /** Paints a straight stroke with round ends. */
  line(x0: number, y0: number, x1: number, y1: number, width: number, level: Level): void {
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length === 0) return this.disc(x0, y0, width / 2, level);
    const ux = (x1 - x0) / length;
    const uy = (y1 - y0) / length;
    const reach = width / 2 + 0.5;
    const top = this.clip(Math.min(y0, y1) - reach);
    const bottom = this.clip(Math.ceil(Math.max(y0, y1) + reach));
    const left = Math.min(x0, x1) - reach;
    const right = Math.max(x0, x1) + reach;
    for (let y = top; y < bottom; y++) {
      const dy = y + 0.5 - y0;
      // The centre line crosses this row at `middle`; within the row the stroke is 1/|uy| times its own width.
      const middle = x0 + (dy * ux) / uy;
      const half = reach / Math.abs(uy);
      const end = this.clip(Math.ceil(uy === 0 ? right : Math.min(right, middle + half)));
      for (let x = this.clip(uy === 0 ? left : Math.max(left, middle - half)); x < end; x++) {
        const dx = x + 0.5 - x0;
        const along = dx * ux + dy * uy;
        const distance =
          along < 0
            ? Math.hypot(dx, dy)
            : along > length
              ? Math.hypot(dx - length * ux, dy - length * uy)
              : Math.abs(dy * ux - dx * uy);
        this.blend(y * this.size + x, level, reach - distance);
      }
    }
  }

  disc(cx: number, cy: number, radius: number, level: Level): void {
    const reach = radius + 0.5;
    const inner = Math.max(0, radius - 0.5);
    const bottom = this.clip(Math.ceil(cy + reach));
    for (let y = this.clip(cy - reach); y < bottom; y++) {
      const dy = y + 0.5 - cy;
      const row = y * this.size;
      const half = Math.sqrt(Math.max(0, reach * reach - dy * dy));
      const left = this.clip(cx - half);
      const right = this.clip(Math.ceil(cx + half));
      // Pixels with centres in the inner circle are fully covered: one fill paints the run.
      const whole = inner > Math.abs(dy) ? Math.sqrt(inner * inner - dy * dy) : 0;
      const runFrom = whole === 0 ? right : this.clip(Math.ceil(cx - whole - 0.5));
      const runTo =
        whole === 0 ? right : Math.max(runFrom, this.clip(Math.floor(cx + whole - 0.5) + 1));
      this.pixels.fill(level, row + runFrom, row + runTo);
      for (let x = left; x < runFrom; x++)
        this.blend(row + x, level, reach - Math.hypot(x + 0.5 - cx, dy));
      for (let x = runTo; x < right; x++)
        this.blend(row + x, level, reach - Math.hypot(x + 0.5 - cx, dy));
    }
  }

  /** The greatest integer at most `value`, clipped to 0..size. */
  private clip(value: number): number {
    return Math.min(this.size, Math.max(0, Math.floor(value)));
  }
}
