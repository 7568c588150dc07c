/** Reads one run of a report, however it ended. */
import { Effect } from "effect";
import fs from "node:fs";
import type { Index } from "../../cache/Index.ts";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { Store } from "../../cache/Store.ts";
import { runLine, shellWord } from "../../pipelines/experiment/commandLine.ts";
import { entryOf, toJson } from "../../pipelines/experiment/Located.ts";
import { upstreamOf } from "../../pipelines/experiment/Node.ts";
import { summaryOf } from "../../pipelines/history/RunHistory.ts";
import { nondeterministicIn, numbersOfRun } from "../../pipelines/history/runNumbers.ts";
import type { RunPlan } from "../../pipelines/history/RunPlan.ts";
import { readSide, type RunSide } from "../../pipelines/history/RunSide.ts";
import { nodesAfter } from "../../pipelines/history/RunStatus.ts";
import type { Action } from "../../schemas/Artifact.ts";
import { inputDigests } from "../../schemas/KeyParts.ts";
import { flagsOf } from "../../schemas/Overrides.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { Example, NodeData, RunData, StageLink, Training } from "../ReportData.ts";
import { cleanPictures } from "./cleanPicture.ts";
import { orNothing } from "./orNothing.ts";
import { readAttempts } from "./readAttempts.ts";
import { readPoints, type ScoresNode } from "./readPoints.ts";
import { readSteps, reportedSteps } from "./readTraining.ts";
import { sourcesOf } from "./sourcesOf.ts";

export interface ReadRun {
  readonly data: RunData;
  readonly examples: ReadonlyArray<Example>;
}

/** `now` in milliseconds decides only how long a running run has run. */
export const readRun = Effect.fnUntraced(function* (
  plan: RunPlan,
  registry: ReadonlyMap<string, Stage>,
  now: number,
) {
  const { home, directoryOf, query } = yield* Store;
  const { run, experiment } = plan;
  const side = readSide(home, plan, registry, now);
  const { state, begun, seconds } = summaryOf(home, run, now);
  const actions = yield* actionsOf(side);
  const scored = plan.nodes.flatMap(({ node, kind, labels }) => {
    const artifact = side.artifacts.get(node);
    return kind === "scores" && artifact !== undefined ? [{ node, labels, artifact }] : [];
  });
  const makers = yield* query((index) => makersOf(index, scored));
  const { points, examples, splits } = yield* readPoints(scored, {
    directoryOf,
    makerOf: (artifact) => makers.get(artifact),
    cleanOf: (dataset) => cleanPictures(makers.get(dataset)),
  });
  const text = orNothing(() => fs.readFileSync(RunDirectory.of(home, run).spec, "utf8")) ?? "";
  const data: RunData = {
    run,
    experiment,
    description: descriptionOf(side),
    state,
    took: { begun, seconds },
    spec: { file: plan.spec, text },
    commands: [
      runLine(plan.spec, flagsOf(plan.overrides)),
      `npx pipe table ${shellWord(run)} --json`,
      `npx pipe status ${shellWord(run)}`,
      `npx pipe bundle ${shellWord(run)}`,
    ],
    nodes: nodesOf(side, actions),
    attempts: readAttempts(
      side.events,
      begun,
      new Map(plan.nodes.map(({ node, stageName }) => [node, stageName])),
      state === "running",
    ),
    wiring: wiringOf(side),
    numbers: (yield* numbersOfRun(plan)).map((each) => ({
      ...each,
      from: sourcesOf(actions.get(each.node)?.keyParts, side.artifacts),
    })),
    trainings: yield* trainingsOf(side),
    points,
    splits,
    messages: warningsOf(side),
    nondeterministic: (yield* nondeterministicIn(plan)).map(({ node }) => node),
    environment: environmentOf([...actions.values()]),
  };
  return { data, examples } satisfies ReadRun;
});

/** The action behind each artifact of the run, by node. */
const actionsOf = Effect.fnUntraced(function* ({ plan, artifacts }: RunSide) {
  const { query } = yield* Store;
  return yield* query((index) => {
    const found = plan.nodes.flatMap(({ node, recipe }) => {
      const made = index.actionsOf(artifacts.get(node) ?? "");
      const action = made.find((each) => each.recipe === recipe) ?? made[0];
      return action === undefined ? [] : [[node, action] as const];
    });
    return new Map(found);
  });
});

/** The first actions that made the scores and their inputs. */
const makersOf = (index: Index, scored: ReadonlyArray<ScoresNode>): ReadonlyMap<string, Action> => {
  const made = (artifacts: ReadonlyArray<string>) =>
    artifacts.flatMap((artifact) => index.actionsOf(artifact)[0] ?? []);
  const scores = made(scored.map(({ artifact }) => artifact));
  const inputs = made([...new Set(scores.flatMap(({ keyParts }) => inputDigests(keyParts)))]);
  return new Map([...scores, ...inputs].map((action) => [action.artifact, action]));
};

const descriptionOf = ({ spec }: RunSide): string | undefined => {
  const entry = spec?.kind === "map" ? entryOf(spec, "description")?.value : undefined;
  const text = entry === undefined ? undefined : toJson(entry);
  return typeof text === "string" ? text : undefined;
};

const nodesOf = (
  { plan, events, state, artifacts }: RunSide,
  actions: ReadonlyMap<string, Action>,
): ReadonlyArray<NodeData> => {
  const logTails = new Map(
    events.flatMap((event) =>
      event._tag === "NodeFailed" ? [[event.node, event.logTail] as const] : [],
    ),
  );
  return nodesAfter(plan, events, state).map((status): NodeData => {
    const { node } = status;
    const digest = artifacts.get(node);
    const wallSeconds = actions.get(node)?.cost.wallSeconds;
    return {
      ...status,
      ...(digest === undefined ? {} : { digest }),
      ...(wallSeconds === undefined ? {} : { wallSeconds }),
      logTail: logTails.get(node) ?? [],
      again: runLine(plan.spec, flagsOf({ ...plan.overrides, only: [node] })),
    };
  });
};

const wiringOf = ({ nodes }: RunSide): ReadonlyArray<StageLink> => {
  const links = new Map<string, StageLink>();
  for (const node of nodes.values())
    for (const { stageName: from } of upstreamOf(node))
      links.set(`${from} ${node.stageName}`, { from, to: node.stageName });
  return [...links.values()];
};

const trainingsOf = Effect.fnUntraced(function* ({ plan, artifacts, events }: RunSide) {
  const { directoryOf } = yield* Store;
  const reported = reportedSteps(events);
  return plan.nodes.flatMap(({ node, stageName, kind, labels }): ReadonlyArray<Training> => {
    if (kind !== "model") return [];
    const artifact = artifacts.get(node);
    const steps = artifact === undefined ? reported.get(node) : readSteps(directoryOf(artifact));
    return steps === undefined || steps.length === 0
      ? []
      : [{ node, stageName, labels, isWhole: artifact !== undefined, steps }];
  });
});

const warningsOf = ({ events }: RunSide): RunData["messages"] => {
  const byMessage = new Map<string, Set<string>>();
  for (const event of events)
    if (event._tag === "NodeMessage" && event.level === "warn")
      byMessage.set(event.message, (byMessage.get(event.message) ?? new Set()).add(event.node));
  return [...byMessage].map(([message, nodes]) => ({ message, nodes: [...nodes] }));
};

const environmentOf = (actions: ReadonlyArray<Action>): RunData["environment"] => {
  const values = new Map<string, Set<string>>();
  for (const { environment } of actions)
    for (const [name, value] of Object.entries(environment))
      values.set(name, (values.get(name) ?? new Set()).add(value));
  return [...values]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, of]) => ({ name, values: [...of].toSorted() }));
};
