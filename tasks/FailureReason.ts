/**
 * The reasons for failure, in the order of judging; a transcript carries the first that applies. The reading of the caption
 * and of the answer comes first, then the correctness of the answer, then that of the caption. The limit of tokens is known to
 * `score`, not to the judge of a text: in rollouts what it cuts off after the caption has `no-answer`.
 */
export const failureReasons = {
  "no-caption": "there is no caption",
  "no-answer": "there is no answer after the caption",
  truncated:
    "a caption or answer is opened but never closed, or the limit of tokens came before the answer",
  "bad-json": "a caption or answer is not JSON, read leniently",
  "bad-caption": "the caption is JSON but does not describe an instance",
  "bad-answer": "the answer is JSON but not an answer",
  "wrong-size": "the caption or answer is for an instance of another size",
  conflict: "two adjacent vertices have the same colour",
  "not-minimal": "the colouring is proper but has more colours than the chromatic number",
  "clue-changed": "the answer overwrites a given digit",
  "not-a-solution": "the answer breaks a row, column or box, or leaves a cell blank",
  misperceived: "the answer is right, the caption is not",
} as const;

export type FailureReason = keyof typeof failureReasons;
