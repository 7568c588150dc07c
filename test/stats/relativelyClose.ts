import { assert } from "@effect/vitest";

/** Asserts equality within a share of the expected value. */
export const relativelyClose = (actual: number, expected: number, share: number): void =>
  assert.isAtMost(
    Math.abs(actual - expected),
    share * Math.abs(expected),
    `${actual} for ${expected}`,
  );
