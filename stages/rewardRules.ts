/** Recomputes the rewards that `trainers/rewards.py` writes, where that takes no model. */
import { Result } from "effect";
import { scoreTranscript } from "../tasks/score.ts";
import { readBlocks } from "../tasks/transcript.ts";
import type { JudgedGroup, RewardRule } from "./Audit.ts";
import type { Surrogate } from "./sampling.ts";

/** The scorer's verdict as rewards; every response has them. */
export const verdictRules: ReadonlyArray<readonly [string, RewardRule]> = [
  ["outcome", ({ scores }) => scores.map(({ outcome }) => Number(outcome))],
  ["perception", ({ scores }) => scores.map(({ perception }) => Number(perception))],
  ["perception_f1", ({ scores }) => scores.map(({ perception_f1 }) => perception_f1)],
];

export const surrogateRules: Readonly<
  Record<Surrogate, ReadonlyArray<readonly [string, RewardRule]>>
> = {
  teacher: [
    ["teacher", "model"],
    ["teacher_f1", "model"],
  ],
  vote: [
    ["vote", "model"],
    ["vote_f1", "model"],
  ],
  consensus: [
    ["consensus", (group) => agreements(group).map(({ exact }) => exact)],
    ["consensus_f1", (group) => agreements(group).map(({ f1 }) => f1)],
  ],
  "blind-solve": [["blind_solve", "model"]],
  likelihood: [["likelihood", "model"]],
};

interface Agreement {
  readonly exact: number;
  readonly f1: number;
}

const none: Agreement = { exact: 0, f1: 0 };

/** Agreement of each response with the caption that most of the group wrote, which takes the place of p*. */
const agreements = ({ rollouts, truth }: JudgedGroup): ReadonlyArray<Agreement> => {
  const captions = rollouts.map(({ response }) =>
    Result.getOrElse(readBlocks(response).caption, () => null),
  );
  const perception = mostFrequent(captions);
  if (perception === null) return rollouts.map(() => none);
  // Responses of a group often repeat.
  const known = new Map<string, Agreement>();
  return rollouts.map(({ id, response, mode }) => {
    const before = known.get(response);
    if (before !== undefined) return before;
    const score = scoreTranscript({ id, ...truth, perception, response, mode });
    const agreement =
      "error" in score ? none : { exact: Number(score.perception), f1: score.perception_f1 };
    known.set(response, agreement);
    return agreement;
  });
};

/** On a tie the first written; null where most responses have no caption. */
const mostFrequent = (captions: ReadonlyArray<string | null>): string | null => {
  const counts = new Map<string | null, number>();
  for (const caption of captions) counts.set(caption, (counts.get(caption) ?? 0) + 1);
  let [most, times]: readonly [string | null, number] = [null, 0];
  for (const [caption, count] of counts) if (count > times) [most, times] = [caption, count];
  return most;
};
