/** Finds a node of a run by its name on the command line: `RUN/NODE`, or a node of the latest run. */
import { Effect } from "effect";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { findRun } from "./findRun.ts";

/** A slash after the first bracket belongs to a label. */
const runAndNode = /^([^/[]+)\/(.+)$/su;

/** With `run`, `name` names a node only. `what` says in errors what the name can stand for. */
export const findNode = Effect.fnUntraced(function* (name: string, run?: string, what = "node") {
  const [, named = "latest", node = name] = run === undefined ? (runAndNode.exec(name) ?? []) : [];
  const plan = yield* findRun(run ?? named);
  const found = plan.nodes.find((candidate) => candidate.node === node);
  if (found !== undefined) return { plan, node: found };
  const points = plan.nodes.filter(({ stageName }) => stageName === node);
  const [first] = points;
  if (first !== undefined)
    return yield* new UsageError({
      message: `\`${node}\` of ${plan.run} has ${points.length} points; name one, such as \`${first.node}\``,
    });
  return yield* unknownNameError(
    `${what} of ${plan.run}`,
    node,
    plan.nodes.map((each) => each.node),
  );
});
