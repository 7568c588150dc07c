/** Finds the samples that the filters let through. */
import type { PackedAnswer, PackedArm, PackedSamples } from "../PackedSamples.ts";
import type { State } from "./State.ts";

export interface Shown {
  readonly example: number;
  readonly one: PackedAnswer;
  readonly other: PackedAnswer | undefined;
}

export interface Found {
  readonly arm: PackedArm;
  readonly beside: PackedArm | undefined;
  readonly shown: ReadonlyArray<Shown>;
  /** Counts without the filters of caption and answer: caption right or wrong, then answer right or wrong. */
  readonly counts: Readonly<Record<string, number>>;
}

export const find = ({ arms, examples }: PackedSamples, state: State): Found => {
  const arm = arms.find(({ name }) => name === state.arm) ?? arms[0]!;
  const beside = arms.find(({ name }) => name === state.beside);
  const others = new Map(beside?.answers.map((answer) => [answer.example, answer]));
  const text = state.text.toLowerCase();
  const pairs = arm.answers.map((one) => ({
    example: one.example,
    one,
    other: others.get(one.example),
  }));
  const fitting = pairs.filter(
    ({ example, one, other }) =>
      (state.reason === "" || one.reason === state.reason) &&
      (beside === undefined || state.pair === "" || pairOf(one, other) === state.pair) &&
      (text === "" ||
        `${examples[example]!.id}\n${one.response ?? ""}\n${other?.response ?? ""}`
          .toLowerCase()
          .includes(text)),
  );
  const counts: Record<string, number> = {};
  for (const { one } of fitting) {
    const key = `${rightness(one.caption)} ${rightness(one.answer)}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  const shown = fitting.filter(
    ({ one }) =>
      (state.caption === "" || rightness(one.caption) === state.caption) &&
      (state.answer === "" || rightness(one.answer) === state.answer),
  );
  return { arm, beside, shown, counts };
};

const rightness = (isRight: boolean): string => (isRight ? "right" : "wrong");

export const pairNames: Readonly<Record<string, string>> = {
  both: "both right",
  first: "only the first right",
  second: "only the second right",
  neither: "both wrong",
};

const pairOf = (one: PackedAnswer, other: PackedAnswer | undefined): string => {
  if (other === undefined) return "";
  if (one.answer) return other.answer ? "both" : "first";
  return other.answer ? "second" : "neither";
};
