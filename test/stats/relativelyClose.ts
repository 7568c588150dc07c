import { assert } from "@effect/vitest";

/** Equal but for a share of what is expected. */
export const relativelyClose = (actual: number, expected: number, share: number): void =>
  assert.isAtMost(
    Math.abs(actual - expected),
    share * Math.abs(expected),
    `${actual} for ${expected}`,
  );
