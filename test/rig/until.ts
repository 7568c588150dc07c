/** Waiting for a condition, in tests. */
import { assert } from "@effect/vitest";
import { setTimeout } from "node:timers/promises";

/** Only a condition that never holds takes this long, on any machine; less than vitest's limit, so that the condition is named. */
const deadlineMillis = 240_000;

/** Waits until a condition holds, and fails with its name after the deadline. */
export const until = async (what: string, isSo: () => boolean): Promise<void> => {
  const deadline = performance.now() + deadlineMillis;
  while (!isSo()) {
    assert.isBelow(performance.now(), deadline, `never happened: ${what}`);
    await setTimeout(10);
  }
};
