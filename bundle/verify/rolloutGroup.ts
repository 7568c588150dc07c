/** Pure checks of one group of rollouts: all responses to one example in one mode and step. */
import type { Rollout } from "../../kinds/Rollouts.ts";
import type { Truth } from "../../kinds/Dataset.ts";
import {
  type ExpectedRollouts,
  type JudgedGroup,
  type RewardedGroup,
  type RolloutFinding,
  rolloutName,
  sixDigits,
  type Slot,
} from "../../stages/Audit.ts";
import { isScoreError, type Score, scoreTranscript } from "../../tasks/score.ts";
import { captionText } from "../../tasks/transcript.ts";
import { counted } from "./Check.ts";

export type Group = readonly [Rollout, ...ReadonlyArray<Rollout>];

export interface CheckedGroup {
  readonly findings: ReadonlyArray<RolloutFinding>;
  readonly rewarded: RewardedGroup;
}

/** The group's mode and example are those of its slot. `split` is undefined where the bundle leaves it out. */
export const checkSlot = (
  { step, group, mode, id }: Rollout,
  slot: Slot | undefined,
  split: ReadonlyMap<string, Truth> | undefined,
): ReadonlyArray<RolloutFinding> => {
  const where = `step ${step}, group ${group}`;
  const wrongMode =
    slot === undefined || slot.mode === mode
      ? []
      : [{ where, expected: slot.mode, found: mode, message: "is in another mode" }];
  const message = "is about another example";
  if (slot?.id !== undefined && slot.id !== id)
    return [...wrongMode, { where, expected: slot.id, found: id, message }];
  if (split !== undefined && !split.has(id))
    return [...wrongMode, { where, expected: "an example of its split", found: id, message }];
  return wrongMode;
};

/** The group has samples 0, 1, …, `size` − 1, all about one example. */
export const checkSamples = (group: Group, size: number): ReadonlyArray<RolloutFinding> => {
  const [{ id, group: number, step, mode }] = group;
  const where = `${id} (step ${step}, group ${number}, ${mode})`;
  const gap = group.findIndex(({ sample }, place) => sample !== place);
  if (gap !== -1) {
    const [expected, found] = [`sample ${gap}`, `sample ${group[gap]!.sample}`];
    return [{ where, expected, found, message: "samples are not 0, 1, …" }];
  }
  const strangers = group.filter((rollout) => rollout.id !== id);
  const message = "is about another example than its group";
  return [
    ...strangers.map((rollout) => ({
      where: rolloutName(rollout),
      expected: id,
      found: rollout.id,
      message,
    })),
    ...(group.length < size
      ? [
          {
            where,
            expected: counted(size, "response"),
            found: group.length,
            message: "has too few responses",
          },
        ]
      : []),
  ];
};

/** Verdicts and rewards, recomputed as far as they take no model; without `truth` all are as written. */
export const checkRewards = (
  group: Group,
  truth: Truth | undefined,
  expected: ExpectedRollouts,
): CheckedGroup => {
  const judged = truth === undefined ? undefined : judge(group, truth);
  const rules = expected.rewards(group[0].mode);
  const recomputed = new Map(
    [...rules].flatMap(([name, rule]) =>
      judged?.group === undefined || typeof rule === "string"
        ? []
        : [[name, rule(judged.group)] as const],
    ),
  );
  const asWritten = [...rules].flatMap(([name, rule]) =>
    rule === "derived" || recomputed.has(name) ? [] : [name],
  );
  const rewards = group.map((rollout, sample) =>
    Object.fromEntries([
      ...asWritten.map((name) => [name, rollout.rewards[name] ?? 0] as const),
      ...[...recomputed].map(([name, values]) => [name, values[sample]!] as const),
    ]),
  );
  const unchecked = new Set(
    asWritten.filter((name) => group.some((rollout) => Object.hasOwn(rollout.rewards, name))),
  );
  const rewarded = { rollouts: group, rewards, unchecked };
  const findings = group.flatMap((rollout, sample) =>
    compareRewards(rollout, rules, (name) => recomputed.get(name)?.[sample]),
  );
  return {
    findings: [
      ...(judged?.findings ?? []),
      ...findings,
      ...(expected.training?.checkGroup(rewarded) ?? checkNoAdvantage(group)),
    ],
    rewarded,
  };
};

const compareRewards = (
  rollout: Rollout,
  rules: ReturnType<ExpectedRollouts["rewards"]>,
  recomputed: (name: string) => number | undefined,
): ReadonlyArray<RolloutFinding> => {
  const place = (name: string) => `${rolloutName(rollout)}.rewards.${name}`;
  const others = Object.entries(rollout.rewards).filter(([name]) => !rules.has(name));
  return [
    ...others.map(([name, found]) => ({
      where: place(name),
      expected: "absent",
      found,
      message: "the params request no such reward",
    })),
    ...[...rules].flatMap(([name, rule]): ReadonlyArray<RolloutFinding> => {
      const where = place(name);
      const expected = recomputed(name);
      const found = Object.hasOwn(rollout.rewards, name) ? rollout.rewards[name] : undefined;
      if (found === undefined) {
        const due = expected ?? "a number";
        return [{ where, expected: due, found: "absent", message: "this reward is missing" }];
      }
      if (expected !== undefined)
        return isNear(expected, found)
          ? []
          : [{ where, expected, found, message: "differs from the reward of the responses" }];
      const isShare = rule === "derived" || (found >= 0 && found <= 1);
      const range = "a number from 0 to 1";
      return isShare ? [] : [{ where, expected: range, found, message: "is out of range" }];
    }),
  ];
};

const checkNoAdvantage = (group: Group): ReadonlyArray<RolloutFinding> =>
  group
    .filter(({ advantage }) => advantage !== null)
    .map((rollout) => ({
      where: `${rolloutName(rollout)}.advantage`,
      expected: null,
      found: rollout.advantage,
      message: "no policy was trained here",
    }));

const isNear = (expected: number, found: number): boolean =>
  Math.abs(expected - found) <= sixDigits;

/** Judges each different response once. `group` is undefined where a response can't be judged. */
const judge = (
  rollouts: Group,
  truth: Truth,
): {
  readonly group: JudgedGroup | undefined;
  readonly findings: ReadonlyArray<RolloutFinding>;
} => {
  const known = new Map<string, ReturnType<typeof scoreTranscript>>();
  const judged = rollouts.map((rollout) => {
    const { id, response, mode } = rollout;
    const score = known.get(response) ?? scoreTranscript({ id, ...truth, response, mode });
    known.set(response, score);
    return { rollout, score };
  });
  const scores = judged.flatMap(({ score }) => (isScoreError(score) ? [] : [score]));
  return {
    group: scores.length < rollouts.length ? undefined : { rollouts, scores, truth },
    findings: [
      ...checkForcedCaption(rollouts, truth),
      ...judged.flatMap(({ rollout, score }) =>
        isScoreError(score)
          ? [
              {
                where: rolloutName(rollout),
                expected: "a verdict",
                found: score.error,
                message: "the scorer can't judge it",
              },
            ]
          : compareVerdict(rollout, score),
      ),
    ],
  };
};

/** Counterfactual responses begin with the caption that was forced on them. */
const checkForcedCaption = (group: Group, { perception }: Truth): ReadonlyArray<RolloutFinding> => {
  if (group[0].mode !== "counterfactual") return [];
  const expected = captionText(perception);
  const message = "does not begin with the forced caption";
  return group
    .filter(({ response }) => !response.startsWith(expected))
    .map((rollout) => ({
      where: rolloutName(rollout),
      expected,
      found: rollout.response,
      message,
    }));
};

const verdicts = ["outcome", "perception", "consistent", "reason"] as const;

const compareVerdict = (rollout: Rollout, score: Score): ReadonlyArray<RolloutFinding> => {
  const place = rolloutName(rollout);
  const message = "differs from the scorer's verdict";
  const wrong = verdicts
    .filter((name) => score[name] !== rollout[name])
    .map((name) => ({
      where: `${place}.${name}`,
      expected: score[name],
      found: rollout[name],
      message,
    }));
  const [expected, found] = [score.perception_f1, rollout.perception_f1];
  return isNear(expected, found)
    ? wrong
    : [...wrong, { where: `${place}.perception_f1`, expected, found, message }];
};
