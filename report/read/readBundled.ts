/** Reads a report's data from the payload of a bundle, and from nothing else: who verifies a bundle makes the same page of it. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { rebuildLine } from "../../bundle/describe/rebuildLine.ts";
import { type RunNode, runNodes } from "../../bundle/describe/runNodes.ts";
import type { BundleNode, BundleRun } from "../../bundle/format/format.ts";
import { decodeRun, folderOf, runFile, specFile } from "../../bundle/verify/Contents.ts";
import { numbersIn } from "../../kinds/kinds.ts";
import { sampledModels } from "../../kinds/Model.ts";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { stages } from "../../stages/stages.ts";
import type {
  NodeData,
  ReportData,
  RunData,
  SourcedNumbers,
  StageLink,
  Training,
} from "../ReportData.ts";
import { readPoints } from "./readPoints.ts";
import { readSteps } from "./readTraining.ts";
import { sourcesOf } from "./sourcesOf.ts";

interface Bundled {
  readonly run: BundleRun;
  readonly spec: string;
  readonly makers: ReadonlyMap<string, BundleNode>;
  readonly directoryOf: (artifact: string) => string;
}

/** `directory` is the top folder of the bundle. */
export const readBundled = Effect.fnUntraced(function* (directory: string) {
  const textOf = (file: string) => fs.readFileSync(path.join(directory, file), "utf8");
  const run = decodeRun(textOf(runFile));
  const makers = new Map(run.nodes.toReversed().map((node) => [node.artifact, node]));
  const directoryOf = (artifact: string) => path.join(directory, folderOf(artifact));
  const bundled: Bundled = { run, spec: textOf(specFile), makers, directoryOf };
  const { points, examples, splits } = yield* readPoints(
    run.nodes.filter(({ kind }) => kind === "scores"),
    {
      directoryOf,
      makerOf: (artifact) => makers.get(artifact),
      // Another machine may draw other bytes, and the bundle has no clean pictures.
      cleanOf: () => () => undefined,
    },
  );
  const data: RunData = {
    run: run.experiment,
    experiment: run.experiment,
    description: run.description,
    state: run.state,
    took: undefined,
    spec: { file: path.basename(specFile), text: bundled.spec },
    commands: ["node data/verify.mjs", `${rebuildLine(run.overrides)} --from-bundle FOLDER`],
    nodes: nodesOf(bundled),
    attempts: [],
    wiring: wiringOf(runNodes(run)),
    numbers: numbersOf(bundled),
    trainings: trainingsOf(bundled),
    points,
    splits,
    messages: [],
    nondeterministic: [],
    environment: [],
  };
  return {
    runs: [data],
    examples: new Map(examples.map((example) => [example.key, example])),
  } satisfies ReportData;
});

const nodesOf = ({ run, spec }: Bundled): ReadonlyArray<NodeData> => {
  const { graph } = compile(new Source(specFile, spec), run.overrides, stages);
  const planned = new Map(graph?.nodes.map((node) => [node.name, node]));
  const shared = (node: string) => ({
    node,
    logTail: [],
    again: rebuildLine(run.overrides, node),
  });
  return [
    ...run.nodes.map(({ node, stageName, stage, labels, artifact, seconds }): NodeData => ({
      ...shared(node),
      stageName,
      stage,
      labels,
      state: "made",
      digest: artifact,
      wallSeconds: seconds,
    })),
    ...run.unmade.map(({ node, state }): NodeData => {
      const { stageName = node, labels = {}, stage } = planned.get(node) ?? {};
      return {
        ...shared(node),
        stageName,
        stage: stage?.name ?? "",
        labels,
        state: state as NodeData["state"],
      };
    }),
  ];
};

const wiringOf = (nodes: ReadonlyArray<RunNode>): ReadonlyArray<StageLink> => {
  const links = new Map<string, StageLink>();
  for (const { from: upstream, bundled } of nodes)
    for (const { bundled: maker } of upstream) {
      const link = { from: maker.stageName, to: bundled.stageName };
      links.set(`${link.from} ${link.to}`, link);
    }
  return [...links.values()];
};

const numbersOf = ({ run, makers, directoryOf }: Bundled): ReadonlyArray<SourcedNumbers> => {
  const artifacts = new Map(run.nodes.map(({ node, artifact }) => [node, artifact]));
  return run.nodes.flatMap(({ node, kind, artifact, keyParts }) => {
    const numbers = numbersIn(
      kind,
      () => [directoryOf(artifact)],
      () => sampledModels(artifact, (digest) => makers.get(digest)),
    );
    return numbers === undefined ? [] : [{ node, numbers, from: sourcesOf(keyParts, artifacts) }];
  });
};

const trainingsOf = ({ run, directoryOf }: Bundled): ReadonlyArray<Training> =>
  run.nodes.flatMap(({ node, stageName, kind, labels, artifact }) => {
    const steps = kind === "model" ? readSteps(directoryOf(artifact)) : [];
    return steps.length === 0 ? [] : [{ node, stageName, labels, steps, isWhole: true }];
  });
