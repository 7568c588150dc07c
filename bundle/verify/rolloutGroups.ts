/**
 * The rollouts of one artifact as they come, held group by group and step by step against what was asked for. Of what has gone by, it
 * keeps which groups there were; of the step that is going by, a few numbers a response.
 */
import type { Rollout } from "../../schemas/Rollout.ts";
import { captionText } from "../../tasks/transcript.ts";
import { advantagesOf, differs, differsInPart, type WeighedGroup } from "./advantages.ts";
import type { Asked, Training } from "./askedRollouts.ts";
import { counted } from "./Check.ts";
import { judgeGroup, nameOf, type Say, sixDigits } from "./judgedGroup.ts";
import type { Split } from "./splits.ts";

interface Options {
  readonly asked: Asked;
  /** Undefined where they are left out. */
  readonly examples: Split | undefined;
  /** Steps that nobody asked for may be there up to this one. */
  readonly alsoUpTo: number;
  readonly say: Say;
}

/** What is known of a step while its rollouts come. */
interface Step {
  readonly number: number;
  readonly groups: Set<number>;
  /** By the number of the group. */
  readonly weighed: Array<WeighedGroup>;
  /** Of some group p was written with six digits. */
  isRounded: boolean;
  isSound: boolean;
}

export class RolloutGroups {
  count = 0;
  /** Of steps that were not asked for and may be there. */
  more = 0;
  /** By the name of a reward that was not computed once more. */
  readonly taken = new Map<string, number>();
  readonly #options: Options;
  readonly #say: Say;
  readonly #steps = new Set<number>();
  /** Which example has come in which round. */
  readonly #asked = new Set<string>();
  #step: Step | undefined;
  #group: Array<Rollout> = [];

  constructor(options: Options) {
    this.#options = options;
    this.#say = (...problem) => {
      if (this.#step !== undefined) this.#step.isSound = false;
      options.say(...problem);
    };
  }

  add(rollout: Rollout): void {
    this.count += 1;
    const { step, group, mode } = rollout;
    const [first] = this.#group;
    if (
      first !== undefined &&
      !(first.step === step && first.group === group && first.mode === mode)
    )
      this.#endGroup();
    if (this.#step?.number !== step) this.#beginStep(step);
    // A group without end takes no memory without end.
    if (this.#group.length < this.#options.asked.samples[mode]) this.#group.push(rollout);
    else
      this.#say(
        nameOf(rollout),
        `${counted(this.#group.length, "response")} of its group`,
        "one more",
        "was not asked for",
      );
  }

  end(): void {
    this.#endGroup();
    this.#endStep();
    const { steps, stepAt } = this.#options.asked;
    let place = 0;
    while (place < steps && this.#steps.has(stepAt(place))) place += 1;
    if (place < steps) this.#say(`step ${stepAt(place)}`, "rollouts", "none", "was asked for");
  }

  #beginStep(number: number): void {
    this.#endGroup();
    this.#endStep();
    this.#step = { number, groups: new Set(), weighed: [], isRounded: false, isSound: true };
    const { asked, alsoUpTo } = this.#options;
    if (this.#steps.has(number)) this.#say(`step ${number}`, "once", "again", "comes twice");
    else if (!asked.isKept(number) && !(number >= 1 && number <= alsoUpTo))
      this.#say(`step ${number}`, "no rollouts", "some", "was not asked for");
    this.#steps.add(number);
  }

  #endGroup(): void {
    const group = this.#group;
    const step = this.#step;
    this.#group = [];
    if (step === undefined || group.length === 0) return;
    const isPlaced = this.#verifySlot(step, group);
    this.#verifySamples(group);
    const { asked, examples } = this.#options;
    const [{ id, group: number, mode }] = group as [Rollout];
    const truth = examples?.get(id);
    if (truth !== undefined && mode === "counterfactual") {
      const forced = captionText(truth.perception);
      for (const rollout of group)
        if (!rollout.response.startsWith(forced))
          this.#say(
            nameOf(rollout),
            forced,
            rollout.response,
            "does not begin with the caption forced on it",
          );
    }
    // Without its example nothing can be said; that there is none has been said.
    if (truth === undefined && examples !== undefined) return;
    if (!asked.isKept(step.number)) this.more += group.length;
    const { rewards, taken } = judgeGroup(group, truth, asked, this.#say);
    for (const name of taken) this.taken.set(name, (this.taken.get(name) ?? 0) + group.length);
    const { training } = asked;
    if (training === undefined) {
      for (const rollout of group)
        if (rollout.advantage !== null)
          this.#say(
            `${nameOf(rollout)}.advantage`,
            null,
            rollout.advantage,
            "is of a policy that did not learn",
          );
      return;
    }
    if (!isPlaced) return;
    step.isRounded ||= taken.has(training.perception) && training.perception.endsWith("_f1");
    step.weighed[number] = {
      perception: rewards.map((own) => own[training.perception] ?? 0),
      outcome: rewards.map((own) => own["outcome"] ?? 0),
      advantages: group.map(({ advantage }) => advantage),
    };
  }

  /** It is one of those that were asked for, has come once, and is about the example that it should be about. */
  #verifySlot(step: Step, [first]: ReadonlyArray<Rollout>): boolean {
    const { id, group, mode } = first!;
    const { asked, examples } = this.#options;
    const about = `step ${step.number}, group ${group}`;
    if (step.groups.has(group)) this.#say(about, "once", "again", "comes twice");
    step.groups.add(group);
    const { groups } = asked;
    const most = groups === undefined ? Infinity : groups.atOnce * groups.waves;
    if (group >= most) {
      this.#say(about, `${counted(most, "group")}, from 0`, group, "was not asked for");
      return false;
    }
    const slot = asked.slot(step.number, group);
    if (slot !== undefined && slot.mode !== mode)
      this.#say(about, slot.mode, mode, "is in another mode");
    if (slot?.id !== undefined && slot.id !== id)
      this.#say(about, slot.id, id, "is about another example");
    else if (examples !== undefined && !examples.has(id))
      this.#say(about, "an example of its split", id, "is about another example");
    else if (slot?.round !== undefined) {
      const place = `${slot.round} ${id}`;
      if (this.#asked.has(place))
        this.#say(about, "an example that has not come this time around", id, "comes again");
      this.#asked.add(place);
    }
    return true;
  }

  #verifySamples(group: ReadonlyArray<Rollout>): void {
    const [{ id, group: number, step, mode }] = group as readonly [Rollout];
    const size = this.#options.asked.samples[mode];
    const about = `${id} (step ${step}, group ${number}, ${mode})`;
    for (const [sample, rollout] of group.entries()) {
      if (rollout.sample !== sample)
        return this.#say(
          about,
          `sample ${sample}`,
          `sample ${rollout.sample}`,
          "has other samples than 0, 1, …",
        );
      if (rollout.id !== id)
        this.#say(nameOf(rollout), id, rollout.id, "is about another example than its group");
    }
    if (group.length < size)
      this.#say(about, counted(size, "response"), group.length, "has fewer than were asked for");
  }

  #endStep(): void {
    const step = this.#step;
    if (step === undefined) return;
    const { asked } = this.#options;
    const { groups, training } = asked;
    if (groups !== undefined) {
      const waves = Math.ceil(step.groups.size / groups.atOnce);
      const due = Math.min(Math.max(1, waves), groups.waves) * groups.atOnce;
      let group = 0;
      while (group < due && step.groups.has(group)) group += 1;
      if (group < due)
        this.#say(`step ${step.number}, group ${group}`, "present", "absent", "was asked for");
    }
    if (training !== undefined && step.isSound) this.#verifyTraining(step, training);
    this.#step = undefined;
  }

  /** Of a step that is as it was asked for: how often it sampled, what it learned from, and with what weight. */
  #verifyTraining({ number, weighed, isRounded }: Step, training: Training): void {
    const { atOnce, waves } = this.#options.asked.groups!;
    const sampled = weighed.length / atOnce;
    const about = `step ${number}`;
    const before = weighed.slice(0, (sampled - 1) * atOnce);
    const enough = `${counted(training.wanted, "group")} that differ`;
    if (
      sampled < waves &&
      count(weighed, (group) => differsInPart(group, training)) < training.wanted
    )
      this.#say(about, enough, `${sampled} of ${waves} waves`, "stopped sampling early");
    if (count(before, (group) => differs(group, training)) >= training.wanted)
      this.#say(about, enough, `wave ${sampled}`, "went on sampling");
    const kept: Array<[number, WeighedGroup]> = [];
    for (const [place, group] of weighed.entries()) {
      const where = `${about}, group ${place}`;
      const nulls = count(group.advantages, (advantage) => advantage === null);
      const isFull = training.drops && kept.length >= training.wanted;
      if (nulls === 0) {
        if (isFull)
          this.#say(where, null, group.advantages[0], "was learned from, though there were enough");
        kept.push([place, group]);
      } else if (nulls < group.advantages.length)
        this.#say(
          where,
          "an advantage for all or none",
          `${nulls} without`,
          "was learned from in part",
        );
      else if (!isFull && (!training.drops || differs(group, training)))
        this.#say(where, "advantages", null, "was not learned from");
    }
    const expected = advantagesOf(
      kept.map(([, group]) => group),
      training,
    );
    for (const [index, [place, { advantages }]] of kept.entries())
      for (const [sample, advantage] of expected[index]!.entries()) {
        const found = advantages[sample]!;
        // Rounding counts for more where the rewards hardly differ.
        const slack = isRounded ? 1e-2 * (1 + Math.abs(advantage)) : 1e-9 * Math.abs(advantage);
        if (!(Math.abs(found - advantage) <= sixDigits + slack))
          this.#say(
            `${about}, group ${place}, sample ${sample}: advantage`,
            advantage,
            found,
            "is not what the rewards give",
          );
      }
  }
}

const count = <A>(items: ReadonlyArray<A>, holds: (item: A) => boolean): number =>
  items.reduce((sum, item) => sum + Number(holds(item)), 0);
