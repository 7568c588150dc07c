/**
 * Pearson's correlation: K. Pearson, "Note on regression and inheritance in the case of two parents", Proceedings of the
 * Royal Society of London 58 (1895), 240-242. For two 0/1 variables it equals phi.
 */
import { type Statistic, valued, without } from "./Statistic.ts";

export const constantFirst = "the first variable is constant";
export const constantSecond = "the second variable is constant";

/** The correlation of pairs (x, y), in two passes with scaled deviations, so that nothing overflows or underflows. */
export const pearson = (x: ReadonlyArray<number>, y: ReadonlyArray<number>): Statistic => {
  if (x.length !== y.length) throw new RangeError(`${x.length} values against ${y.length}`);
  if (x.length < 2) return without(`a correlation needs two pairs, here ${count(x.length)}`);
  if (![...x, ...y].every(Number.isFinite)) return without("a value is not finite");
  const dx = deviations(x);
  if (dx === null) return without(constantFirst);
  const dy = deviations(y);
  if (dy === null) return without(constantSecond);
  const r = inner(dx, dy) / Math.sqrt(inner(dx, dx) * inner(dy, dy));
  // Rounding may exceed ±1.
  return valued(Math.min(1, Math.max(-1, r)));
};

const count = (pairs: number): string => (pairs === 0 ? "there is none" : "there is one");

/** Deviations from the mean, in units of the largest; null if all values are equal. */
const deviations = (values: ReadonlyArray<number>): ReadonlyArray<number> | null => {
  const first = values[0] ?? 0;
  // Differences from the first value keep the digits below a common offset; halves keep them finite.
  const halves = values.map((value) => value / 2 - first / 2);
  const scale = largest(halves);
  if (scale === 0) return null;
  const mean = halves.reduce((sum, half) => sum + half / scale, 0) / values.length;
  const centred = halves.map((half) => half / scale - mean);
  const most = largest(centred);
  return centred.map((value) => value / most);
};

const largest = (values: ReadonlyArray<number>): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const inner = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): number =>
  one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
