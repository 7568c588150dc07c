/** Nodes skipped because of a failure elsewhere: named where they are few, else counted by stage. */
import { stageNameOf } from "../../pipelines/experiment/nodeName.ts";
import type { EventOf } from "../../schemas/Event.ts";
import { plural, printableName } from "../../kinds/terminal.ts";

type Skip = EventOf<"NodeSkipped">;

export interface SkipSummary {
  readonly first: ReadonlyArray<Skip>;
  readonly byStage: ReadonlyMap<string, { readonly count: number; readonly because: string }>;
}

const mostNamed = 8;

export const emptySkips: SkipSummary = { first: [], byStage: new Map() };

export const addSkip = ({ first, byStage }: SkipSummary, skip: Skip): SkipSummary => {
  const stage = stageNameOf(skip.node);
  const { count = 0, because = skip.because } = byStage.get(stage) ?? {};
  return {
    // One more than is named, to know that there are more.
    first: first.length > mostNamed ? first : [...first, skip],
    byStage: new Map(byStage).set(stage, { count: count + 1, because }),
  };
};

/** The skipped nodes or stages, each with the reason. */
export const skipRows = ({
  first,
  byStage,
}: SkipSummary): ReadonlyArray<readonly [what: string, why: string]> =>
  first.length <= mostNamed
    ? first.map(({ node, because }) => [node, `skipped: ${printableName(because)} failed`])
    : [...byStage].map(([stage, { count, because }]) => [
        `${plural(count, "point")} of ${stage}`,
        `skipped: ${printableName(because)}${count > 1 ? " or another node that they need" : ""} failed`,
      ]);
