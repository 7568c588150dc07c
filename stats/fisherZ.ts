/**
 * The interval of a correlation by Fisher's transformation: R. A. Fisher, "On the 'probable error' of a coefficient of
 * correlation deduced from a small sample", Metron 1 (1921), 3-32. It presumes independent pairs from a bivariate normal
 * distribution: for rollouts, which share prompts, use the cluster bootstrap.
 */
import { between, type Interval, noInterval } from "./Statistic.ts";

/** The 97.5 % quantile of the standard normal distribution: two-sided 95 %. */
const z95 = 1.959963984540054;

/** The 95 % interval of a correlation r of n pairs. */
export const fisherZ = (r: number, n: number): Interval => {
  if (n <= 3) return noInterval(`an interval needs four pairs, here ${n}`);
  if (Math.abs(r) >= 1)
    return noInterval("of a perfect correlation the transformation is infinite");
  const z = Math.atanh(r);
  const half = z95 / Math.sqrt(n - 3);
  return between(Math.tanh(z - half), Math.tanh(z + half));
};
