/** Nodes that a failure elsewhere keeps from running: by name where they are few, otherwise counted by stage. */
import { stageNameOf } from "../../pipelines/nodeName.ts";
import type { EventOf } from "../../schemas/Event.ts";
import { plural, printableName } from "./format.ts";

type Skip = EventOf<"NodeSkipped">;

export interface SkippedNodes {
  readonly first: ReadonlyArray<Skip>;
  readonly byStage: ReadonlyMap<string, { readonly count: number; readonly because: string }>;
}

const few = 8;

export const noneSkipped: SkippedNodes = { first: [], byStage: new Map() };

export const addSkipped = ({ first, byStage }: SkippedNodes, skip: Skip): SkippedNodes => {
  const stage = stageNameOf(skip.node);
  const { count = 0, because = skip.because } = byStage.get(stage) ?? {};
  return {
    // One more than is shown, which tells that there are more.
    first: first.length > few ? first : [...first, skip],
    byStage: new Map(byStage).set(stage, { count: count + 1, because }),
  };
};

/** Pairs of what was not run and why. */
export const skippedRows = ({
  first,
  byStage,
}: SkippedNodes): ReadonlyArray<readonly [what: string, why: string]> =>
  first.length <= few
    ? first.map(({ node, because }) => [node, `not run: ${printableName(because)} failed`])
    : [...byStage].map(([stage, { count, because }]) => [
        `${plural(count, "point")} of ${stage}`,
        `not run: ${printableName(because)}${count > 1 ? " or another node that they need" : ""} failed`,
      ]);
