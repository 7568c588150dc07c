/** The due nodes whose last attempt failed, with the run and what it said. */
import { Effect } from "effect";
import { lastAttempts } from "../../cache/History.ts";
import { Store } from "../../cache/Store.ts";
import type { Node } from "../experiment/Node.ts";
import type { PlannedNode } from "../plan/Plan.ts";
import { EventLog } from "./EventLog.ts";

export interface LastFailure {
  readonly run: string;
  /** Absent where the run's log is gone. */
  readonly message?: string;
}

export const lastFailures = Effect.fnUntraced(function* (due: ReadonlyArray<PlannedNode>) {
  const store = yield* Store;
  const recipes = new Set(due.map(({ recipe }) => recipe));
  const attempts = yield* store.query((index) => lastAttempts(index, recipes));
  const messagesOf = messagesByRun(store.home);
  return new Map<Node, LastFailure>(
    due.flatMap(({ node, recipe }) => {
      const last = attempts.get(recipe);
      if (last?.status !== "failed") return [];
      const message = messagesOf(last.run).get(last.node);
      return [[node, { run: last.run, ...(message === undefined ? {} : { message }) }] as const];
    }),
  );
});

/** Messages of a run's failed nodes; each run's log is read once. */
const messagesByRun = (home: string) => {
  const known = new Map<string, ReadonlyMap<string, string>>();
  return (run: string): ReadonlyMap<string, string> => {
    const before = known.get(run);
    if (before !== undefined) return before;
    const messages = new Map(
      new EventLog(home, run)
        .read()
        .flatMap((event) =>
          event._tag === "NodeFailed" ? [[event.node, event.message] as const] : [],
        ),
    );
    known.set(run, messages);
    return messages;
  };
};
