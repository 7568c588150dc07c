/**
 * The probability that a standard normal number is at most x, by the series about 0 of G. Marsaglia, "Evaluating the normal
 * distribution", Journal of Statistical Software 11 (2004), no. 4. Absolute error below 1e-15, which is large in far
 * tails.
 */
export const normalDistribution = (x: number): number => {
  if (x < -8.3) return 0;
  if (x > 8.3) return 1;
  let term = x;
  let sum = x;
  for (let i = 3, before = Number.NaN; sum !== before; i += 2) {
    before = sum;
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
};
