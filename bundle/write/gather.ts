/** Reads a run from the store: its nodes, the files that the bundle takes or leaves out, its attempts and machines. */
import { Clock, Effect } from "effect";
import fs from "node:fs";
import type { Index } from "../../cache/Index.ts";
import { Store } from "../../cache/Store.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import type { NodeStateName } from "../../pipelines/history/NodeState.ts";
import { readRunPlan, type RunPlan } from "../../pipelines/history/RunPlan.ts";
import { readSide, type RunSide } from "../../pipelines/history/RunSide.ts";
import { nodesAfter } from "../../pipelines/history/RunStatus.ts";
import { stages } from "../../stages/stages.ts";
import { attemptsAt } from "./attempts.ts";
import type { GatheredRun } from "./GatheredRun.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import { descriptionIn } from "../describe/description.ts";
import { licenseTexts } from "../describe/terms.ts";
import { bundleFormat, type BundleRun } from "../format/format.ts";
import { type FileOptions, gatherFiles } from "./gatherFiles.ts";
import { isStated } from "./licenses.ts";
import { gatherNodes, machinesOf } from "./gatherNodes.ts";
import { runNodes } from "../describe/runNodes.ts";

export interface GatherOptions extends FileOptions {
  readonly pipe: BundleRun["pipe"];
}

export const gather = Effect.fn("gather")(function* (run: string, options: GatherOptions) {
  const store = yield* Store;
  const plan = readRunPlan(store.home, run);
  const specFile = RunDirectory.of(store.home, run).spec;
  if (plan === undefined || !fs.existsSync(specFile))
    return yield* new BundleRefused({
      message: `the plan or the experiment of ${run} can't be read`,
      fix: "npx pipe fsck lists what is damaged in the store",
    });
  yield* checkStages(plan, "--without", options.without);
  yield* checkStages(plan, "--license", options.licenses.keys());
  const now = yield* Clock.currentTimeMillis;
  const side = readSide(store.home, plan, stages, now);
  const { state } = side;
  if (state === "running")
    return yield* new BundleRefused({
      message: `${run} is still running`,
      fix: "bundle it after it has ended",
    });
  const spec = fs.readFileSync(specFile, "utf8");
  const gathered = yield* store.query((index) =>
    gatherFrom(index, store.home, side, state, options),
  );
  const lost = gathered.run.unmade.find(({ state }) => isMade.has(state));
  if (lost !== undefined)
    return yield* new BundleRefused({
      message: `the store has no record of how ${lost.node} was made`,
      fix: "npx pipe fsck --repair restores what it can; or run the experiment again",
    });
  yield* checkLicenses(gathered);
  return { ...gathered, spec } satisfies GatheredRun;
});

const isMade: ReadonlySet<string> = new Set<NodeStateName>(["made", "cached", "reused"]);

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

/** Refuses files whose licence nobody stated, all stages at once. */
const checkLicenses = ({ entries, nodes }: Pick<GatheredRun, "entries" | "nodes">) => {
  const unstated = entries.filter(({ license }) => !isStated(license));
  const stageNames = nodes.flatMap(({ bundled: { artifact, stageName } }) =>
    unstated.some(({ path }) => path.startsWith(`data/artifacts/${artifact}/`)) ? [stageName] : [],
  );
  const names = [...new Set(stageNames)];
  const each = (flag: (name: string) => string) => names.map(flag).join(" ");
  return names.length === 0
    ? Effect.void
    : Effect.fail(
        new BundleRefused({
          message: `no licence is stated for the files of ${names.map((name) => `\`${name}\``).join(", ")}`,
          fix: `add ${each((name) => `--license ${name}=ID`)} (ID: ${[...licenseTexts.keys()].join(", ")}), or leave the files out with ${each((name) => `--without ${name}`)}`,
        }),
      );
};

const gatherFrom = (
  index: Index,
  home: string,
  side: RunSide,
  state: BundleRun["state"],
  options: GatherOptions,
): Omit<GatheredRun, "spec"> => {
  const { plan } = side;
  const description = descriptionIn(side.spec);
  const gathered = gatherNodes(index, side);
  const nodes = runNodes({ nodes: gathered });
  const contents = new Map(gathered.map(({ node, content }) => [node, content]));
  const attempted = plan.nodes.map(({ node, recipe }) => {
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
      unmade: nodesAfter(plan, side.events, state).flatMap((each) =>
        contents.has(each.node) ? [] : [{ node: each.node, state: each.state }],
      ),
    },
    nodes,
    ...gatherFiles(nodes, home, plan.overrides, options),
    // Attempts after the run's last event are another run's.
    attempts: attemptsAt(index, attempted, side.events.at(-1)?.at),
    machines: machinesOf(index, gathered),
  };
};
