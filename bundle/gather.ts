/** Reads a run in the store: what each node was asked and made, which of its files go along, which are left out, and what it all took. */
import { Clock, Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { Index } from "../cache/Index.ts";
import { Store } from "../cache/Store.ts";
import { EventLog } from "../pipelines/EventLog.ts";
import type { NodeWord } from "../pipelines/NodeState.ts";
import { readRunPlan, type RunPlan } from "../pipelines/RunRecord.ts";
import { readSide, type RunSide } from "../pipelines/RunSide.ts";
import { statusOf } from "../pipelines/RunStatus.ts";
import { stages } from "../stages/stages.ts";
import { attemptsAt } from "./attempts.ts";
import type { BundledRun } from "./BundledRun.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { descriptionIn } from "./description.ts";
import { bundleFormat, type BundleRun } from "./format.ts";
import { type FileOptions, gatherFiles } from "./gatherFiles.ts";
import { gatherNodes, machinesOf } from "./gatherNodes.ts";
import { runNodes } from "./runNodes.ts";

export interface GatherOptions extends FileOptions {
  readonly pipe: BundleRun["pipe"];
}

export const gather = Effect.fn("gather")(function* (run: string, options: GatherOptions) {
  const store = yield* Store;
  const plan = readRunPlan(store.home, run);
  const specFile = path.join(store.home, "runs", run, "experiment.yaml");
  if (plan === undefined || !fs.existsSync(specFile))
    return yield* new BundleRefused({
      message: `the plan or the experiment of ${run} can't be read`,
      fix: "pipe fsck says what else is wrong with the store",
    });
  yield* checkStages(plan, "--without", options.without);
  yield* checkStages(plan, "--license", options.licenses.keys());
  const now = yield* Clock.currentTimeMillis;
  const side = readSide(store.home, plan, stages, now);
  const { state } = side;
  if (state === "running")
    return yield* new BundleRefused({
      message: `${run} is still running`,
      fix: "bundle it when it has ended: until then it is another bundle every minute",
    });
  const spec = fs.readFileSync(specFile, "utf8");
  const gathered = yield* store.query((index) =>
    gatherFrom(index, store.home, side, state, options, now),
  );
  const forgotten = gathered.run.unmade.find(({ state }) => isMade.has(state));
  if (forgotten !== undefined)
    return yield* new BundleRefused({
      message: `the index no longer knows how ${forgotten.node} was made`,
      fix: "pipe fsck --repair finds what is left of it; or run the experiment again",
    });
  return { ...gathered, spec } satisfies BundledRun;
});

const isMade: ReadonlySet<string> = new Set<NodeWord>(["made", "cached", "reused"]);

const checkStages = (plan: RunPlan, flag: string, names: Iterable<string>) => {
  const stageNames = new Set(plan.nodes.map(({ stageName }) => stageName));
  const unknown = [...names].find((name) => !stageNames.has(name));
  return unknown === undefined
    ? Effect.void
    : Effect.fail(
        new BundleRefused({
          message: `${flag}: the experiment has no stage \`${unknown}\``,
          fix: `its stages are ${[...stageNames].join(", ")}`,
        }),
      );
};

const gatherFrom = (
  index: Index,
  home: string,
  side: RunSide,
  state: BundleRun["state"],
  options: GatherOptions,
  now: number,
): Omit<BundledRun, "spec"> => {
  const { plan } = side;
  const description = descriptionIn(side.spec);
  const gathered = gatherNodes(index, home, side);
  const nodes = runNodes({ nodes: gathered });
  const contents = new Map(gathered.map(({ node, content }) => [node, content]));
  const tried = plan.nodes.map(({ node, recipe }) => {
    const content = contents.get(node);
    return { node, recipe, ...(content === undefined ? {} : { content }) };
  });
  return {
    run: {
      format: bundleFormat,
      experiment: plan.experiment,
      ...(description === undefined ? {} : { description }),
      overrides: plan.overrides,
      state,
      pipe: options.pipe,
      nodes: gathered,
      unmade: statusOf(home, plan, now).nodes.flatMap(({ node, state }) =>
        contents.has(node) ? [] : [{ node, state }],
      ),
    },
    nodes,
    ...gatherFiles(nodes, home, plan.overrides, options),
    attempts: attemptsAt(index, tried, endOf(home, plan.run)),
    machines: machinesOf(index, gathered),
  };
};

/** When the run wrote its last event: what was tried later is another run's. */
const endOf = (home: string, run: string): string | undefined =>
  new EventLog(home, run).read().at(-1)?.at;
