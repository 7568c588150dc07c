/**
 * Checks the rollouts of one artifact as they are read: gathers them into groups and steps and hands these to pure checks. It keeps the
 * numbers of steps and groups seen and, for a training, the groups of the current step.
 */
import type { Rollout } from "../../kinds/Rollouts.ts";
import type { Truth } from "../../kinds/Dataset.ts";
import {
  type ExpectedRollouts,
  type RewardedGroup,
  type RolloutFinding,
  rolloutName,
} from "../../stages/Audit.ts";
import { counted } from "./Check.ts";
import { checkRewards, checkSamples, checkSlot, type Group } from "./rolloutGroup.ts";

interface Step {
  readonly number: number;
  readonly groups: Set<number>;
  /** By number; of a training only. */
  readonly rewarded: Array<RewardedGroup>;
  isSound: boolean;
}

export class RolloutCheck {
  count = 0;
  /** Rollouts of tolerated steps. */
  tolerated = 0;
  /** How many rollouts have a reward as written, by its name. */
  readonly unchecked = new Map<string, number>();
  readonly #expected: ExpectedRollouts;
  readonly #split: ReadonlyMap<string, Truth> | undefined;
  readonly #report: (finding: RolloutFinding) => void;
  readonly #steps = new Set<number>();
  /** Examples seen, each with its pass over the split. */
  readonly #passed = new Set<string>();
  #step: Step | undefined;
  #group: Array<Rollout> = [];

  /** `split` is undefined where the bundle leaves it out. */
  constructor(
    expected: ExpectedRollouts,
    split: ReadonlyMap<string, Truth> | undefined,
    report: (finding: RolloutFinding) => void,
  ) {
    this.#expected = expected;
    this.#split = split;
    this.#report = report;
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
    // Bounds the memory that an endless group takes.
    if (this.#group.length < this.#expected.samples[mode]) this.#group.push(rollout);
    else
      this.#add({
        where: rolloutName(rollout),
        expected: `${counted(this.#group.length, "response")} in its group`,
        found: "one more",
        message: "the params request fewer responses",
      });
  }

  end(): void {
    this.#endStep();
    const step = this.#expected.missingStep(this.#steps);
    if (step !== undefined)
      this.#add({
        where: `step ${step}`,
        expected: "rollouts",
        found: "none",
        message: "this step is missing",
      });
  }

  #add(finding: RolloutFinding): void {
    if (this.#step !== undefined) this.#step.isSound = false;
    this.#report(finding);
  }

  #addAll(findings: ReadonlyArray<RolloutFinding>): void {
    for (const finding of findings) this.#add(finding);
  }

  #beginStep(number: number): void {
    this.#endStep();
    this.#step = { number, groups: new Set(), rewarded: [], isSound: true };
    const where = `step ${number}`;
    if (this.#steps.has(number))
      this.#add({ where, expected: "once", found: "again", message: "this step occurs twice" });
    else if (this.#expected.step(number) === "unexpected")
      this.#add({ where, expected: "no rollouts", found: "some", message: "no such step is due" });
    this.#steps.add(number);
  }

  #endGroup(): void {
    const [first, ...rest] = this.#group;
    const step = this.#step;
    this.#group = [];
    if (step === undefined || first === undefined) return;
    const group: Group = [first, ...rest];
    const isPlaced = this.#place(step, first);
    this.#addAll(checkSamples(group, this.#expected.samples[first.mode]));
    const truth = this.#split?.get(first.id);
    // An unknown example is a finding of its own.
    if (truth === undefined && this.#split !== undefined) return;
    if (this.#expected.step(step.number) === "tolerated") this.tolerated += group.length;
    const { findings, rewarded } = checkRewards(group, truth, this.#expected);
    this.#addAll(findings);
    for (const name of rewarded.unchecked)
      this.unchecked.set(name, (this.unchecked.get(name) ?? 0) + group.length);
    if (this.#expected.training !== undefined && isPlaced) step.rewarded[first.group] = rewarded;
  }

  /** False for a group beyond those that a step can have. */
  #place(step: Step, first: Rollout): boolean {
    const { group, id } = first;
    const where = `step ${step.number}, group ${group}`;
    if (step.groups.has(group))
      this.#add({ where, expected: "once", found: "again", message: "this group occurs twice" });
    step.groups.add(group);
    const { groups } = this.#expected;
    const most = groups === undefined ? Infinity : groups.atOnce * groups.waves;
    if (group >= most) {
      const expected = `${counted(most, "group")}, from 0`;
      this.#add({ where, expected, found: group, message: "no such group is due" });
      return false;
    }
    const slot = this.#expected.slot(step.number, group);
    const findings = checkSlot(first, slot, this.#split);
    this.#addAll(findings);
    if (slot?.round === undefined || findings.length > 0) return true;
    const passed = `${slot.round} ${id}`;
    if (this.#passed.has(passed)) {
      const expected = "an example that this pass over the split has not had";
      this.#add({ where, expected, found: id, message: "repeats an example" });
    }
    this.#passed.add(passed);
    return true;
  }

  #endStep(): void {
    this.#endGroup();
    const step = this.#step;
    if (step === undefined) return;
    const { groups, training } = this.#expected;
    if (groups !== undefined) {
      const waves = Math.ceil(step.groups.size / groups.atOnce);
      const due = Math.min(Math.max(1, waves), groups.waves) * groups.atOnce;
      let group = 0;
      while (group < due && step.groups.has(group)) group += 1;
      const where = `step ${step.number}, group ${group}`;
      if (group < due)
        this.#add({
          where,
          expected: "present",
          found: "absent",
          message: "this group is missing",
        });
    }
    if (training !== undefined && step.isSound)
      this.#addAll(training.checkStep(step.number, step.rewarded));
    this.#step = undefined;
  }
}
