/** The number of subsets of n things that have `fewest` to `most` elements; exact below 2^53. */
export const countSubsets = (n: number, fewest: number, most: number): number => {
  let [sum, ofSize] = [0, 1];
  for (let size = 0; size <= most; size += 1) {
    if (size >= fewest) sum += ofSize;
    ofSize = (ofSize * (n - size)) / (size + 1);
  }
  return sum;
};
