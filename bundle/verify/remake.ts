/** Runs a stage of this process once more, in a folder of ours and without a store, on inputs that lie somewhere. */
import { Cause, Effect, Exit } from "effect";
import fs from "node:fs";
import path from "node:path";
import { listFiles } from "../../cache/Tree.ts";
import type { NodeInput } from "../../pipelines/Compile.ts";
import { isFanIn } from "../../pipelines/Plan.ts";
import type { Summary } from "../../schemas/Artifact.ts";
import { modestResources, type StageInputs, type StageResult } from "../../stages/Stage.ts";
import type { BundleNode } from "../format.ts";
import type { Placed } from "./placed.ts";

export interface Remade {
  readonly directory: string;
  readonly files: ReadonlyArray<string>;
  readonly summary: Summary;
}

export interface Inputs {
  readonly bundledOf: (node: Placed["node"]) => BundleNode;
  /** Where an input's files lie. */
  readonly directoryOf: (node: Placed["node"]) => string;
}

/** What it made below `scratch`, or why it could not. */
export const remake = async (
  { node, bundled }: Placed,
  inputs: Inputs,
  scratch: string,
): Promise<Remade | string> => {
  const directory = path.join(scratch, bundled.artifact);
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const running = node.stage.run({
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
  // Only stages that start no program come here: they ask for no executor and no Python.
  const alone = running as Effect.Effect<StageResult, Error, unknown> as Effect.Effect<
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
  const inputArtifact = (node: Placed["node"]) => {
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
