/**
 * The exact interval of a proportion: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
 * in the case of the binomial", Biometrika 26 (1934), 404-413. It holds the truth at least as often as it says, and mostly
 * more often: wider than Wilson's, to be used where that guarantee is what is asked for.
 */
import { binomialTails } from "./binomial.ts";
import type { Proportion } from "./wilson.ts";

const confidence = 0.95;
const outside = (1 - confidence) / 2;

/** A proportion with its 95 % interval; null without trials. */
export const clopperPearson = (successes: number, n: number): Proportion | null => {
  if (n === 0) return null;
  const value = successes / n;
  // The p under which so many successes, or more, have probability `outside`; and under which so few, or fewer, have.
  const low =
    successes === 0
      ? 0
      : crossing(0, value, (p) => binomialTails(successes, n, p).atLeast >= outside);
  const high =
    successes === n
      ? 1
      : crossing(value, 1, (p) => binomialTails(successes, n, p).atMost < outside);
  return { successes, n, value, low, high };
};

/** Where `isPast`, false below and true above, changes: halved until the two ends are neighbours. */
const crossing = (from: number, to: number, isPast: (p: number) => boolean): number => {
  let [below, above] = [from, to];
  for (;;) {
    const middle = below + (above - below) / 2;
    if (middle <= below || middle >= above) return middle;
    if (isPast(middle)) above = middle;
    else below = middle;
  }
};
