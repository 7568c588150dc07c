/**
 * The hybrid score interval of a difference between two independent proportions: R. G. Newcombe, "Interval estimation for
 * the difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998),
 * 873-890, method 10.
 */
import type { Proportion } from "./wilson.ts";

export interface ProportionDifference {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** `one` minus `other` with its 95 % interval, from the Wilson intervals of both. */
export const proportionDifference = (one: Proportion, other: Proportion): ProportionDifference => {
  const value = one.value - other.value;
  return {
    value,
    low: value - Math.hypot(one.value - one.low, other.high - other.value),
    high: value + Math.hypot(one.high - one.value, other.value - other.low),
  };
};
