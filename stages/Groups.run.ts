/** Reads the groups of each point and counts over all choices of k of their responses. */
import { Effect } from "effect";
import { writeMeasurements } from "../kinds/MeasurementsFile.ts";
import type { Rollout } from "../kinds/Rollouts.ts";
import { bestAt, differAt, passAt } from "../stats/groupChances.ts";
import { Groups, responsesAxis } from "./Groups.ts";
import { type MeasuredPoint, measurementsOf } from "./measurementsOf.ts";
import { defaultPool } from "./pooling.ts";
import { nameOf, readRollouts } from "./readRollouts.ts";
import { type FanInElement, fanIn, StageFailed, stageRun } from "./StageRun.ts";

export const groupsRun = stageRun(
  Groups,
  Effect.fnUntraced(function* ({ params, inputs, output }) {
    const points: Array<MeasuredPoint> = [];
    let groups = 0;
    for (const element of fanIn(inputs, "rollouts")) {
      const found = yield* groupsOf(element, params);
      groups += found.length;
      points.push(...(yield* pointsOf(element, found, params.rewards)));
    }
    writeMeasurements(output, measurementsOf(points, params.pool ?? defaultPool));
    return { summary: { points: points.length, groups } };
  }),
);

interface Group {
  readonly right: Array<boolean>;
  readonly rewards: Array<Rollout["rewards"]>;
}

const groupsOf = Effect.fnUntraced(function* (
  element: FanInElement,
  params: typeof Groups.params.Type,
) {
  const groups = new Map<string, Group>();
  yield* readRollouts(element, params, ({ mode, step, group, outcome, rewards }) => {
    if (mode !== "end-to-end") return;
    const key = `${step} ${group}`;
    const own = groups.get(key) ?? { right: [], rewards: [] };
    own.right.push(outcome);
    own.rewards.push(rewards);
    groups.set(key, own);
  });
  return [...groups.values()];
});

/** A point for each k. */
const pointsOf = Effect.fnUntraced(function* (
  { labels }: FanInElement,
  groups: ReadonlyArray<Group>,
  asked: ReadonlyArray<string> | undefined,
) {
  // A foreign program may leave a reward out of some rollouts.
  const all = groups.flatMap(({ rewards }) => rewards);
  const there = Object.keys(all[0] ?? {}).filter((name) => all.every((each) => name in each));
  const missing = asked?.find((name) => !there.includes(name));
  if (missing !== undefined)
    return yield* new StageFailed({
      message: `${nameOf(labels)}its rollouts have no reward \`${missing}\``,
      fix: `name some of ${there.join(", ")}`,
    });
  // A long training has more groups than a call may have arguments.
  const most = groups.reduce((least, { right }) => Math.min(least, right.length), Infinity);
  const sizes = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, power) => 2 ** power);
  return sizes.map((k): MeasuredPoint => ({
    labels: { [responsesAxis]: String(k), ...labels },
    values: valuesAt(groups, asked ?? there, k),
  }));
});

const valuesAt = (
  groups: ReadonlyArray<Group>,
  rewards: ReadonlyArray<string>,
  k: number,
): MeasuredPoint["values"] => {
  const mean = (of: (group: Group) => number) =>
    groups.reduce((sum, group) => sum + of(group), 0) / groups.length;
  const named = (group: Group, name: string) => group.rewards.map((each) => each[name]!);
  // The response with the best outcome is right if one is.
  const ranking = rewards.filter((name) => name !== "outcome");
  return Object.fromEntries([
    ["pass@k", mean(({ right }) => passAt(right, k))],
    ...ranking.map((name) => [
      `best@k ${name}`,
      mean((group) => bestAt(group.right, named(group, name), k)),
    ]),
    ...["outcome", ...ranking].map((name) => [
      `differ@k ${name}`,
      mean((group) =>
        differAt(name === "outcome" ? group.right.map(Number) : named(group, name), k),
      ),
    ]),
  ]);
};
