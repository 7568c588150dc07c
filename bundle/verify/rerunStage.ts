/** Runs a stage of this process again, in a scratch folder and without a store. */
import { Cause, Effect, Exit } from "effect";
import fs from "node:fs";
import path from "node:path";
import { listFiles } from "../../cache/Tree.ts";
import { isFanIn, type Node, type NodeInput } from "../../pipelines/experiment/Node.ts";
import type { Summary } from "../../schemas/Artifact.ts";
import { modestResources } from "../../stages/Stage.ts";
import type { StageInputs, StageResult, StageRuns } from "../../stages/StageRun.ts";
import type { BundleNode } from "../format/format.ts";
import type { CompiledNode } from "./compiledNodes.ts";

export interface StageRerun {
  readonly directory: string;
  readonly files: ReadonlyArray<string>;
  readonly summary: Summary;
}

export interface Inputs {
  readonly bundledOf: (node: Node) => BundleNode;
  readonly directoryOf: (node: Node) => string;
}

/** The result below `scratch`, or the reason why the stage failed. */
export const rerunStage = async (
  { node, bundled }: CompiledNode,
  inputs: Inputs,
  runs: StageRuns,
  scratch: string,
): Promise<StageRerun | string> => {
  const directory = path.join(scratch, bundled.artifact);
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const running = runs.get(node.stage.name)!.run({
    params: node.params.decoded,
    inputs: stageInputs(node.inputs, inputs),
    output: directory,
    work: path.join(scratch, "work"),
    checkpoints: path.join(scratch, "checkpoints"),
    attempt: "verify",
    resources: modestResources,
    transientExitCodes: [],
    project: scratch,
    report: () => Effect.void,
  });
  // These stages start no program, so they need no executor and no Python.
  const alone = running as Effect.Effect<StageResult, Error, any> as Effect.Effect<
    StageResult,
    Error
  >;
  const exit = await Effect.runPromiseExit(alone);
  if (Exit.isFailure(exit)) return (Cause.squash(exit.cause) as Error).message;
  return { directory, files: listFiles(directory).files, summary: exit.value.summary };
};

const stageInputs = (
  wired: Readonly<Record<string, NodeInput>>,
  { bundledOf, directoryOf }: Inputs,
): StageInputs => {
  const inputArtifact = (node: Node) => {
    const { artifact: digest, kind, files } = bundledOf(node);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { artifact: { digest, kind, files, bytes }, directory: directoryOf(node) };
  };
  return Object.fromEntries(
    Object.entries(wired).map(([name, input]) => [
      name,
      isFanIn(input)
        ? input.map(({ labels, node }) => ({ labels, ...inputArtifact(node) }))
        : inputArtifact(input),
    ]),
  );
};
