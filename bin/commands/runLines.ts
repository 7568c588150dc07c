/** The single scores, rollouts and training metrics of a run as lines: the node, its labels, then the values. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import type { TableLine } from "../../kinds/parquetTable.ts";
import { eachRollout, type Rollout, rolloutsFileIn } from "../../kinds/Rollouts.ts";
import { readScores } from "../../kinds/Scores.ts";
import { artifactIn } from "../../pipelines/history/RunHistory.ts";
import type { RunPlan } from "../../pipelines/history/RunPlan.ts";
import { readSteps } from "../../report/read/readTraining.ts";
import { UsageError } from "../UsageError.ts";

export const lineKinds = ["scores", "rollouts", "metrics"] as const;
export type LineKind = (typeof lineKinds)[number];

/** The kinds of artifacts that hold such lines: a model trained by reinforcement learning has rollouts. */
const holders: Readonly<Record<LineKind, ReadonlyArray<string>>> = {
  scores: ["scores"],
  rollouts: ["rollouts", "model"],
  metrics: ["model"],
};

const readLines: Readonly<
  Record<LineKind, (directory: string) => Promise<ReadonlyArray<TableLine>>>
> = {
  scores: async (directory) =>
    readScores(directory).map(({ errors, ...line }) => ({ ...line, ...errors })),
  rollouts: async (directory) => {
    const lines: Array<TableLine> = [];
    if (rolloutsFileIn(directory) === undefined) return lines;
    const add = ({ rewards, ...rollout }: Rollout) => {
      const named = Object.entries(rewards).map(([name, value]) => [`reward_${name}`, value]);
      lines.push({ ...rollout, ...Object.fromEntries(named) } as TableLine);
    };
    await eachRollout(directory, add, new AbortController().signal);
    return lines;
  },
  metrics: async (directory) =>
    readSteps(directory).flatMap(({ step, values }) =>
      Object.entries(values).map(([name, value]) => ({ step, name, value })),
    ),
};

/** An axis with the name of a column is `axis_NAME`. */
export const runLines = Effect.fnUntraced(function* (plan: RunPlan, kind: LineKind) {
  const { home, directoryOf } = yield* Store;
  const found: Array<readonly [RunPlan["nodes"][number], ReadonlyArray<TableLine>]> = [];
  for (const each of plan.nodes.filter((node) => holders[kind].includes(node.kind))) {
    const artifact = artifactIn(home, plan.run, each);
    if (artifact === undefined) continue;
    const lines = yield* Effect.tryPromise({
      try: () => readLines[kind](directoryOf(artifact)),
      catch: (cause) =>
        new UsageError({
          message: `the ${kind} of ${each.node} can't be read: ${(cause as Error).message}; \`pipe fsck\` checks the store`,
        }),
    });
    found.push([each, lines]);
  }
  const columns = new Set(["node"]);
  for (const [, lines] of found)
    for (const line of lines) for (const name of Object.keys(line)) columns.add(name);
  return found.flatMap(([{ node, labels }, lines]) => {
    const named = Object.entries(labels).map(([axis, label]) => [
      columns.has(axis) ? `axis_${axis}` : axis,
      label,
    ]);
    return lines.map((line): TableLine => ({ node, ...Object.fromEntries(named), ...line }));
  });
});
