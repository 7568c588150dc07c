/** Rows with columns that are the same in every row kept once: what is added up a thousand times is added up once each. */

export interface Distinct {
  readonly width: number;
  readonly sums: Float64Array;
  /** For each original column the one that stands for it. */
  readonly places: Int32Array;
}

export const distinctColumns = (width: number, sums: Float64Array): Distinct => {
  const rows = width === 0 ? 0 : sums.length / width;
  const same = (one: number, other: number): boolean => {
    for (let start = 0; start < sums.length; start += width)
      if (sums[start + one] !== sums[start + other]) return false;
    return true;
  };
  const kept: Array<number> = [];
  const places = Int32Array.from({ length: width }, (_, column) => {
    const place = kept.findIndex((other) => same(column, other));
    return place === -1 ? kept.push(column) - 1 : place;
  });
  const narrow = new Float64Array(rows * kept.length);
  for (let row = 0; row < rows; row += 1)
    kept.forEach((column, place) => {
      narrow[row * kept.length + place] = sums[row * width + column]!;
    });
  return { width: kept.length, sums: narrow, places };
};
