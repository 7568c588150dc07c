/** Inputs that no point of their stage reads: a captioner that no arm asks. */
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import { type Located, placeAt, valueAt } from "./Located.ts";
import type { ExpandedStage } from "./nodesOfStage.ts";
import { spanOf } from "./Source.ts";

/** `written` is the experiment without overrides: one that chooses params or points may leave an input without a reader. */
export const unreadInputs = (
  experiment: Located,
  written: Located,
  stages: Iterable<ExpandedStage>,
): ReadonlyArray<Diagnostic> =>
  [...stages].flatMap(({ stage: { name, stage, paramAxes }, nodes }) => {
    const params = ["stages", name, "with"];
    const isChosen =
      paramAxes.some(({ isOverridden }) => isOverridden) ||
      valueAt(experiment, params) !== valueAt(written, params);
    if (isChosen || stage.inputs === "any") return [];
    return Object.entries(stage.inputs).flatMap(([input, { reader }]) => {
      const isUnread = nodes.every(({ unreadInputs }) => Object.hasOwn(unreadInputs, input));
      if (reader === undefined || !isUnread) return [];
      return {
        message: `no point of \`${name}\` reads its input \`${input}\``,
        at: spanOf(placeAt(experiment, ["stages", name, "from", input], { onKey: true })),
        expected: `${reader.param}, or no \`${input}\` under \`from\``,
      };
    });
  });
