/** Places for the names of points in a plot, beside their points and clear of everything else, as far as there is room. */

export interface LabelledPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const lineHeight = 13;
/** The mean width of a letter 12 pixels high. */
const letterWidth = 6.6;

/** The middle of a label around its point: near ones first, to the right and above before the others. */
const candidates = (width: number): ReadonlyArray<readonly [dx: number, dy: number]> =>
  [0, 13, 26, 40, 56].flatMap((far) => {
    const [across, down] = [width / 2 + 8 + far * 0.6, lineHeight * 0.9 + far];
    return [
      [across, 0],
      [across, -down],
      [across, down],
      [0, -down - 3],
      [0, down + 3],
      [-across, 0],
      [-across, -down],
      [-across, down],
    ] as const;
  });

/**
 * The middles of the labels, in pixels, within a plot of `size`. `others` are further points to keep clear of, which count
 * less than labels and labelled points.
 */
export const placeLabels = (
  points: ReadonlyArray<LabelledPoint>,
  others: ReadonlyArray<{ readonly x: number; readonly y: number }>,
  size: { readonly width: number; readonly height: number },
): ReadonlyArray<{ readonly x: number; readonly y: number }> => {
  const taken: Array<Box> = points.map((point) => around(point, 7, 7));
  const small = others.map((point) => around(point, 3, 3));
  return points.map((point) => {
    const width = point.text.length * letterWidth;
    const costs = candidates(width).map(([dx, dy], place) => {
      const middle = { x: point.x + dx, y: point.y + dy };
      const box = around(middle, width / 2, lineHeight / 2);
      const outside =
        Math.max(0, -box.left, box.right - size.width) +
        Math.max(0, -box.top, box.bottom - size.height);
      const cost =
        sum(taken.map((each) => shared(box, each))) * 20 +
        sum(small.map((each) => shared(box, each))) +
        outside * 100 +
        place;
      return { middle, box, cost };
    });
    const best = costs.reduce((least, each) => (each.cost < least.cost ? each : least));
    taken.push(best.box);
    return best.middle;
  });
};

const around = (
  { x, y }: { readonly x: number; readonly y: number },
  across: number,
  down: number,
): Box => ({ left: x - across, right: x + across, top: y - down, bottom: y + down });

/** The area that two boxes share. */
const shared = (one: Box, other: Box): number =>
  Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) *
  Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));

const sum = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0);
