/** Numbers as a report prints them. */
import type { Range } from "./contrast.ts";

export const valueText = (value: number, digits = 3): string =>
  value.toFixed(digits).replace("-", "−");

export const signedText = (value: number): string => `${value > 0 ? "+" : ""}${valueText(value)}`;

export const rangeText = ({ low, high }: Range): string =>
  `[${valueText(low)}, ${valueText(high)}]`;
