/**
 * McNemar's test of two proportions of the same items, by the binomial distribution of the discordant ones: Q. McNemar,
 * "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika 12 (1947),
 * 153-157. The mid-p variant counts only half of what was observed; it is less conservative, and no longer a guarantee:
 * M. W. Fagerland, S. Lydersen and P. Laake, BMC Medical Research Methodology 13 (2013), 91.
 */
import { binomialTails } from "./binomial.ts";

export interface McNemar {
  /** Items where only the first succeeded, and where only the second did. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided. */
  readonly p: number;
  readonly method: "exact" | "mid-p";
}

export const mcnemar = (
  onlyFirst: number,
  onlySecond: number,
  method: McNemar["method"] = "exact",
): McNemar => {
  const discordant = onlyFirst + onlySecond;
  const { atMost, exactly } = binomialTails(Math.min(onlyFirst, onlySecond), discordant, 0.5);
  const p = method === "exact" ? 2 * atMost : 2 * atMost - exactly;
  // Halves of a symmetric distribution overlap in the middle.
  return { onlyFirst, onlySecond, p: Math.min(1, p), method };
};
