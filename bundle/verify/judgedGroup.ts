/** One group of rollouts judged once more: verdicts by the one scorer, rewards by what `trainers/rewards.py` makes of them. */
import { Result } from "effect";
import type { Rollout } from "../../schemas/Rollout.ts";
import { type Score, scoreTranscript } from "../../tasks/score.ts";
import { readBlocks } from "../../tasks/transcript.ts";
import { type Asked, rewardNames } from "./askedRollouts.ts";
import { totals } from "./advantages.ts";
import type { Truth } from "./splits.ts";

/** `number` says which value of the file is meant. */
export type Say = (number: string, expected: unknown, found: unknown, message: string) => void;

/** Trainers write numbers with six digits. */
export const sixDigits = 5.000001e-7;

const verdicts = ["outcome", "perception", "consistent", "reason"] as const;

/** What a group's responses earned: the rewards that are known without asking a model are our own, the others as written. */
export interface JudgedGroup {
  readonly rewards: ReadonlyArray<Readonly<Record<string, number>>>;
  /** Names of the rewards that only a model could tell, or only a data set that is left out. */
  readonly taken: ReadonlySet<string>;
}

/** All of one prompt and one mode, in the order of the samples; without `truth` the verdicts stand as they are. */
export const judgeGroup = (
  group: ReadonlyArray<Rollout>,
  truth: Truth | undefined,
  asked: Asked,
  say: Say,
): JudgedGroup => {
  const judged = truth === undefined ? undefined : judgeAll(group, truth, asked, say);
  const taken = new Set<string>();
  const rewards = group.map((rollout, sample) => {
    const own: Record<string, number> = { ...judged?.[sample] };
    const expected = asked.rewards(rollout.mode);
    for (const name of Object.keys(rollout.rewards)) {
      if (expected.has(name)) continue;
      const message = rewardNames.has(name)
        ? "is a reward that was not asked for"
        : "is a reward that no trainer writes";
      say(`${nameOf(rollout)}.rewards.${name}`, "absent", rollout.rewards[name], message);
    }
    for (const name of expected) {
      const found = Object.hasOwn(rollout.rewards, name) ? rollout.rewards[name] : undefined;
      const about = `${nameOf(rollout)}.rewards.${name}`;
      if (found === undefined) {
        say(about, own[name] ?? "a number", "absent", "was asked for");
      } else if (own[name] !== undefined) {
        if (!near(own[name], found)) say(about, own[name], found, "is not what the responses give");
      } else if (name !== "total") {
        taken.add(name);
        own[name] = found;
        if (!(found >= 0 && found <= 1)) say(about, "a number from 0 to 1", found, "is no reward");
      }
    }
    return own;
  });
  const { training } = asked;
  if (training !== undefined) {
    const parts = {
      perception: rewards.map((own) => own[training.perception] ?? 0),
      outcome: rewards.map((own) => own["outcome"] ?? 0),
    };
    for (const [sample, total] of totals(parts, training).entries()) {
      const rollout = group[sample]!;
      const found = rollout.rewards["total"];
      // p itself may have been written with six digits.
      if (found === undefined || near(total, found, 2)) continue;
      const message = `is not α·${training.perception} + (1−α)·outcome with α = ${training.alpha}`;
      say(`${nameOf(rollout)}.rewards.total`, total, found, message);
    }
  }
  return { rewards, taken };
};

export const nameOf = ({ id, step, group, sample, mode }: Rollout): string =>
  `${id} (step ${step}, group ${group}, sample ${sample}, ${mode})`;

const near = (expected: number, found: number, roundings = 1): boolean =>
  Math.abs(expected - found) <= roundings * sixDigits;

/** The rewards that follow from what was said; responses of a group repeat one another, and each different one is judged once. */
const judgeAll = (
  group: ReadonlyArray<Rollout>,
  truth: Truth,
  asked: Asked,
  say: Say,
): ReadonlyArray<Readonly<Record<string, number>>> => {
  const scores = new Map<string, ReturnType<typeof scoreTranscript>>();
  const agreements = new Map<string, Agreement>();
  const [{ mode }] = group as readonly [Rollout];
  const captions = asked.rewards(mode).has("consensus") ? captionsOf(group) : undefined;
  const consensus = captions && mostFrequent(captions);
  return group.map((rollout) => {
    const { id, response } = rollout;
    const score = scores.get(response) ?? scoreTranscript({ id, ...truth, response, mode });
    scores.set(response, score);
    if ("error" in score) {
      say(nameOf(rollout), "a verdict", score.error, "can't be judged");
      return {};
    }
    sayVerdict(rollout, score, say);
    const { outcome, perception, perception_f1 } = score;
    const own = { outcome: Number(outcome), perception: Number(perception), perception_f1 };
    if (captions === undefined) return own;
    const agreement = agreements.get(response) ?? agreementOf(rollout, truth, consensus ?? null);
    agreements.set(response, agreement);
    return { ...own, ...agreement };
  });
};

const sayVerdict = (rollout: Rollout, score: Score, say: Say): void => {
  const about = nameOf(rollout);
  const message = "is not what the scorer says";
  for (const name of verdicts)
    if (score[name] !== rollout[name]) say(`${about}.${name}`, score[name], rollout[name], message);
  if (!near(score.perception_f1, rollout.perception_f1))
    say(`${about}.perception_f1`, score.perception_f1, rollout.perception_f1, message);
};

const captionsOf = (group: ReadonlyArray<Rollout>): ReadonlyArray<string | null> =>
  group.map(({ response }) => Result.getOrElse(readBlocks(response).caption, () => null));

/** On a tie the one written first; null where most wrote none. */
const mostFrequent = (captions: ReadonlyArray<string | null>): string | null => {
  const counts = new Map<string | null, number>();
  for (const caption of captions) counts.set(caption, (counts.get(caption) ?? 0) + 1);
  let [most, times]: readonly [string | null, number] = [null, 0];
  for (const [caption, count] of counts) if (count > times) [most, times] = [caption, count];
  return most;
};

interface Agreement {
  readonly consensus: number;
  readonly consensus_f1: number;
}

/** The other caption stands in for p*; one that nobody can read agrees with nothing. */
const agreementOf = (
  { id, response, mode }: Rollout,
  truth: Truth,
  perception: string | null,
): Agreement => {
  const nothing = { consensus: 0, consensus_f1: 0 };
  if (perception === null) return nothing;
  const score = scoreTranscript({ id, ...truth, perception, response, mode });
  return "error" in score
    ? nothing
    : { consensus: Number(score.perception), consensus_f1: score.perception_f1 };
};
