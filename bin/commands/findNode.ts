/** A node of a run, as a person names it: `RUN/NODE`, or a node of the latest run. */
import { Effect } from "effect";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { findRun } from "./table.ts";

/** A slash after the first bracket belongs to a label. */
const runAndNode = /^([^/[]+)\/(.+)$/su;

/** Where `run` is given, `name` is a node's and nothing else. `what` says what else such a name could have been. */
export const findNode = Effect.fnUntraced(function* (name: string, run?: string, what = "node") {
  const [, named = "latest", node = name] = run === undefined ? (runAndNode.exec(name) ?? []) : [];
  const plan = yield* findRun(run ?? named);
  const found = plan.nodes.find((candidate) => candidate.node === node);
  if (found !== undefined) return { plan, node: found };
  const points = plan.nodes.filter(({ stageName }) => stageName === node);
  const [first] = points;
  if (first !== undefined)
    return yield* new UsageError({
      message: `\`${node}\` of ${plan.run} has ${points.length} points; name one of them, such as \`${first.node}\``,
    });
  return yield* unknownNameError(
    `${what} of ${plan.run}`,
    node,
    plan.nodes.map((each) => each.node),
  );
});
