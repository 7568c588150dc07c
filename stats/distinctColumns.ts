/** Columns stored as rows, without repeated columns: the bootstrap then adds each one up once for every resample. */
export interface DistinctColumns {
  readonly width: number;
  /** The rows end to end, `width` values each. */
  readonly rows: Float64Array;
  /** For each given column, its place in a row. */
  readonly places: Int32Array;
}

export const distinctColumns = (
  height: number,
  columns: ReadonlyArray<Float64Array>,
): DistinctColumns => {
  const same = (one: Float64Array, other: Float64Array): boolean => {
    for (let row = 0; row < height; row += 1) if (one[row] !== other[row]) return false;
    return true;
  };
  const kept: Array<Float64Array> = [];
  const placeOf = (column: Float64Array): number => {
    const place = kept.findIndex((other) => same(column, other));
    return place === -1 ? kept.push(column) - 1 : place;
  };
  // Most repeated columns are the same object: no values to compare.
  const known = new Map<Float64Array, number>();
  const places = Int32Array.from(columns, (column) => {
    const place = known.get(column) ?? placeOf(column);
    known.set(column, place);
    return place;
  });
  const rows = new Float64Array(height * kept.length);
  for (let row = 0; row < height; row += 1)
    kept.forEach((column, place) => {
      rows[row * kept.length + place] = column[row]!;
    });
  return { width: kept.length, rows, places };
};
