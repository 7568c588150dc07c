/**
 * A whole bundle of a small study, made without a store and without a model: stages of this process run, `players.ts` plays the others.
 * Tests of reading bundles alter it.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type BundleNode, bundleFormat, type BundleRun } from "../../bundle/format/format.ts";
import { rerunStage } from "../../bundle/verify/rerunStage.ts";
import { artifactOf, listFiles, treeFile } from "../../cache/Tree.ts";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { mapInputs, type Node } from "../../pipelines/experiment/Node.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { keyOf, keyParts } from "../../pipelines/plan/Keys.ts";
import { digestBytes, digestJson, shortDigest } from "../../schemas/Digest.ts";
import { noOverrides } from "../../schemas/Overrides.ts";
import { closureDigest } from "../../stages/code/review.ts";
import { digestText } from "../../stages/code/SourceModule.ts";
import { codeOf } from "../../stages/codeIdentity.ts";
import { runs } from "../../stages/runs.ts";
import type { Stage } from "../../stages/Stage.ts";
import { stages } from "../../stages/stages.ts";
import { fileBytes, type Files } from "./archives.ts";
import { described } from "./describing.ts";
import { played } from "./players.ts";

export const smallSpec = `name: small
axes:
  model: [weak, strong]
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: 6 }, splits: { test: 12, validation: 6, train_sft: 8 }, seed: 7 }
  cot: { use: distill, from: { data: data } }
  start: { use: pretrained, with: { path: "\${model}" } }
  e2e: { use: generate, from: { model: start, data: data }, with: { mode: end-to-end } }
  oracle: { use: generate, from: { model: start, data: data }, with: { mode: counterfactual } }
  scores: { use: score, from: { data: data, end_to_end: e2e, counterfactual: oracle } }
  table: { use: summarize, from: { scores: { all: scores } } }
  samples: { use: rollout, from: { model: start, data: data }, with: { group: 4, counterfactual: 2, surrogates: [consensus] } }
  correlations: { use: correlate, from: { rollouts: { all: samples } }, with: { resamples: 100 } }
`;

export interface SmallBundle {
  readonly run: BundleRun;
  readonly files: Files;
}

let made: Promise<SmallBundle> | undefined;

/** Made once for all tests of a file. */
export const smallBundle = (): Promise<SmallBundle> => (made ??= makeBundle(smallSpec));

/** The bundle of an experiment with the stages of `smallSpec`. */
export const makeBundle = async (spec: string): Promise<SmallBundle> => {
  const { graph, diagnostics } = compile(
    new Source("experiment.yaml", spec),
    { set: [], axis: [] },
    stages,
  );
  if (graph === undefined) throw new Error(JSON.stringify(diagnostics));
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "small-bundle-"));
  const bundled = new Map<Node, BundleNode>();
  const directories = new Map<Node, string>();
  const directoryOf = (node: Node) => directories.get(node)!;
  const files = new Map<string, Uint8Array>();
  for (const node of graph.nodes) {
    const inputs = { bundledOf: (of: Node) => bundled.get(of)!, directoryOf };
    const key = fieldsOf(
      node,
      mapInputs(node, (of) => bundled.get(of)!.artifact),
    );
    const recipe = fieldsOf(
      node,
      mapInputs(node, (of) => bundled.get(of)!.recipe),
    );
    const blank = { artifact: node.name, kind: node.stage.output, files: [] } as const;
    const play = played[node.stage.name];
    const target = path.join(scratch, node.name);
    const done =
      play === undefined
        ? await rerunStage({ node, bundled: blank as unknown as BundleNode }, inputs, runs, scratch)
        : await play(node, directoryOf, target);
    if (typeof done === "string") throw new Error(done);
    directories.set(node, done.directory);
    const tree = listFiles(done.directory).files.map((name) => {
      const content = fs.readFileSync(path.join(done.directory, name));
      return { name, content, file: treeFile(name, digestBytes(content), content.length, 0o644) };
    });
    const { digest } = artifactOf(
      node.stage.output,
      tree.map(({ file }) => file),
    );
    for (const { name, content } of tree) files.set(`data/artifacts/${digest}/${name}`, content);
    bundled.set(node, {
      node: node.name,
      stageName: node.stageName,
      stage: node.stage.name,
      labels: node.labels,
      kind: node.stage.output,
      recipe: keyOf(recipe),
      content: keyOf(key),
      keyParts: keyParts(key) as BundleNode["keyParts"],
      artifact: digest,
      files: tree.map(({ file }) => file),
      summary: done.summary,
      seconds: 1,
      gpu: false,
    });
  }
  fs.rmSync(scratch, { recursive: true });
  const run: BundleRun = {
    format: bundleFormat,
    experiment: graph.name,
    overrides: noOverrides,
    state: "done",
    pipe: { version: "0.1.0" },
    nodes: [...bundled.values()],
    unmade: [],
  };
  const attempts = run.nodes.map(({ node, stage }) => ({
    node,
    stage,
    status: "succeeded",
    startedAt: "2026-01-01T00:00:00Z",
    seconds: 1,
  }));
  const more = {
    "record/attempts.jsonl": attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(""),
    "record/machine.json": [{ cpu: "one" }],
    "data/run.json": run,
    "data/pointers.json": [],
    "data/experiment.yaml": spec,
    "data/verify.mjs": "// not here\n",
    ...sources(graph.nodes.map(({ stage }) => stage)),
  };
  for (const [name, value] of Object.entries(more)) files.set(name, fileBytes(value));
  return { run, files: described(files) };
};

const requirement = "numpy==2.0.0";
const environment = digestJson({ python: "3.13", requirements: [[requirement]] });

/** Sources in which every stage is the same one file, their lock, and locked packages. */
const sources = (stages: ReadonlyArray<Stage>) => {
  const file = "stages/Any.ts";
  const text = "export const Any = {};\n";
  const digest = closureDigest({ [file]: digestText(text) }, {});
  const files = { [file]: shortDigest(digestText(text)) };
  const lock = Object.fromEntries(
    stages.map(({ name, version }) => [
      name,
      { version, digest, affirmations: [], files, packages: {} },
    ]),
  );
  const locks = {
    "package.json": { license: "MIT", version: "0.1.0" },
    "package-lock.json": {},
    "requirements.lock": `${requirement}\n`,
  };
  return {
    [`data/source/${file}`]: text,
    "data/source/stages/stages.lock.json": lock,
    "data/source/package.json": locks["package.json"],
    "data/source/package-lock.json": locks["package-lock.json"],
    "data/source/trainers/requirements.lock": locks["requirements.lock"],
    ...Object.fromEntries(
      Object.entries(locks).map(([name, lock]) => [`data/environment/${name}`, lock]),
    ),
  };
};

const fieldsOf = (node: Node, inputs: ReturnType<typeof mapInputs>) => {
  const sources = node.stage.sources?.(node.params.decoded) ?? [];
  const code = codeOf(node.stage);
  return {
    stage: node.stage.name,
    version: node.stage.version,
    ...(code.recorded ? {} : { code: code.digest }),
    params: node.params.key,
    inputs,
    ...(sources.length === 0
      ? {}
      : { sources: Object.fromEntries(sources.map((name) => [name, digestBytes(name)])) }),
    ...(node.stage.environment === undefined ? {} : { environment }),
  };
};
