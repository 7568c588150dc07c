/** Finds a run by its name on the command line. */
import { Console, Effect } from "effect";
import { runNames } from "../../pipelines/history/RunHistory.ts";
import { readRunPlan } from "../../pipelines/history/RunPlan.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { storeHome } from "./project.ts";

/** The plan of the named run; `latest` is the newest run with a readable plan. */
export const findRun = Effect.fnUntraced(function* (name: string) {
  const home = storeHome();
  if (name !== "latest") return readRunPlan(home, name) ?? (yield* noSuchRun(name));
  for (const run of runNames(home).toReversed()) {
    const plan = readRunPlan(home, run);
    if (plan !== undefined) return plan;
    yield* Console.error(`${unreadablePlan(run)}; using the run before it`);
  }
  return yield* noSuchRun(name);
});

const unreadablePlan = (run: string): string => `the plan of ${run} can't be read`;

const noSuchRun = (name: string): UsageError => {
  const runs = runNames(storeHome());
  if (runs.includes(name))
    return new UsageError({ message: `${unreadablePlan(name)}; \`pipe fsck\` checks the store` });
  return unknownNameError("run", name, runs.toReversed());
};
