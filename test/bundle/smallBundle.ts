/**
 * A whole bundle of a small study, made without a store and without a model: the stages of this process really run, and those that
 * would train or sample are played, by a solver that errs. It is what the tests of reading bundles alter.
 */
import { Effect, Result } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { bagged } from "../../bundle/bag.ts";
import { claimingNodes } from "../../bundle/claims.ts";
import { crateEntry, descriptions } from "../../bundle/describe.ts";
import type { BundleNode, BundleRun, Entry, Pointer } from "../../bundle/format.ts";
import { licenseEntries, verifierLicense } from "../../bundle/licenses.ts";
import { readme } from "../../bundle/readme.ts";
import { runNodes } from "../../bundle/runNodes.ts";
import { writeTarGz } from "../../bundle/tar.ts";
import { remake } from "../../bundle/verify/remake.ts";
import { artifactOf, listFiles, treeFile } from "../../cache/Tree.ts";
import { compile, type Node } from "../../pipelines/Compile.ts";
import { keyOf, keyParts } from "../../pipelines/Keys.ts";
import { mapInputs } from "../../pipelines/Plan.ts";
import { Source } from "../../pipelines/Source.ts";
import { digestBytes, digestJson, shortDigest } from "../../schemas/Digest.ts";
import { closureDigest } from "../../stages/code/review.ts";
import { digestText } from "../../stages/code/SourceModule.ts";
import { type DatasetRow, eachRow } from "../../stages/Dataset.ts";
import { codeOf } from "../../stages/codeIdentity.ts";
import type { Stage } from "../../stages/Stage.ts";
import { stages } from "../../stages/stages.ts";
import { type Score, scoreTranscript } from "../../tasks/score.ts";
import { tasks } from "../../tasks/tasks.ts";

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

/** The files of a bundle below its top folder, text or bytes. */
export type Files = ReadonlyMap<string, Uint8Array>;

export interface SmallBundle {
  readonly run: BundleRun;
  readonly files: Files;
}

let made: Promise<SmallBundle> | undefined;

/** The same one for all tests of a file. */
export const smallBundle = (): Promise<SmallBundle> => (made ??= makeSmallBundle());

const bytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`);

const makeSmallBundle = async (): Promise<SmallBundle> => {
  const { graph, diagnostics } = compile(
    new Source("experiment.yaml", smallSpec),
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
        ? await remake({ node, bundled: blank as unknown as BundleNode }, inputs, scratch)
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
    format: 1,
    experiment: graph.name,
    overrides: [],
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
    "data/experiment.yaml": smallSpec,
    "data/verify.mjs": "// not here\n",
    ...sources(graph.nodes.map(({ stage }) => stage)),
  };
  for (const [name, value] of Object.entries(more)) files.set(name, bytes(value));
  return { run, files: described(files) };
};

const describing = /^data\/(?:cards\/|LICENSES\/|(?:README\.md|CLAIMS\.json|croissant\.json)$)/u;
const crateFile = "data/ro-crate-metadata.json";

/** With all that describes the rest made anew, as it is written: what a careful forger does last. */
export const described = (files: Files): Files => {
  const { run, pointers } = toldIn(files);
  const nodes = runNodes(run);
  const claiming = claimingNodes(run, nodes, (file) =>
    files.has(file) ? textIn(files, file) : undefined,
  );
  const claims = { format: 1, claims: claiming.flatMap((node) => node.claims) };
  const rest = [...files].filter(([file]) => !describing.test(file) && file !== crateFile);
  const page = bytes(readme({ run, nodes, pointers, claiming }));
  const entries = entriesOf([
    ...rest,
    ["data/README.md", page],
    ["data/CLAIMS.json", bytes(claims)],
  ]);
  const more = [...entries, ...descriptions({ run, entries }, undefined)];
  return crated(filesOf([...more, ...Effect.runSync(licenseEntries(more))]));
};

/** With a crate of all that there is. */
export const crated = (files: Files): Files => {
  const entries = entriesOf([...files].filter(([file]) => file !== crateFile));
  return filesOf([...entries, crateEntry(toldIn(files), entries, undefined)]);
};

const toldIn = (files: Files) => ({
  run: JSON.parse(textIn(files, "data/run.json")) as BundleRun,
  pointers: JSON.parse(textIn(files, "data/pointers.json")) as ReadonlyArray<Pointer>,
});

const entriesOf = (files: Iterable<readonly [string, Uint8Array]>): ReadonlyArray<Entry> => {
  const all = new Map(files);
  const models = toldIn(all).run.nodes.filter(({ kind }) => kind === "model");
  const ours = [
    "data/source/",
    "data/environment/",
    ...models.map(({ artifact }) => `data/artifacts/${artifact}/`),
  ];
  return [...all].map(([file, content]) => ({
    path: file,
    content,
    license:
      file === "data/verify.mjs"
        ? verifierLicense()
        : ours.some((folder) => file.startsWith(folder))
          ? "MIT"
          : "CC0-1.0",
  }));
};

const filesOf = (entries: ReadonlyArray<Entry>): Files =>
  new Map(entries.map(({ path: file, content }) => [file, content as Uint8Array]));

const requirement = "numpy==2.0.0";
const environment = digestJson({ python: "3.13", requirements: [[requirement]] });

/** A lock by which every stage is one file, the same for all; and locked packages. */
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

interface Played {
  readonly directory: string;
  readonly summary: BundleNode["summary"];
}
type Play = (node: Node, directoryOf: (node: Node) => string, target: string) => Promise<Played>;

/** What a model of some strength says: the oracle caption and the solution, or something wrong in either. */
const say = (row: DatasetRow, draw: number, strength: number, forced: boolean): string => {
  const chance = (salt: string) =>
    Number.parseInt(
      digestBytes(`${row.id} ${draw} ${salt} ${strength} ${forced}`).slice(0, 6),
      16,
    ) / 0x1000000;
  const seesRight = forced || chance("sees") < strength;
  const caption = seesRight
    ? row.perception
    : row.perception.replace(/[1-4]/u, (digit) => String((Number(digit) % 4) + 1));
  const answer = chance("solves") < strength ? row.response : "[[1,2],[3,4]]";
  return `<caption>${caption}</caption>\nhm\n<answer>${answer}</answer>`;
};

const rowsOf = async (directory: string, split: string): Promise<ReadonlyArray<DatasetRow>> => {
  const rows: Array<DatasetRow> = [];
  await Effect.runPromise(
    eachRow(directory, split, { images: false }, (row) => rows.push({ ...row })),
  );
  return rows.map((row) => ({ ...row, response: solutionOf(row) }));
};

const solutionOf = ({ ground_truth }: DatasetRow): string => {
  const truth = Result.getOrThrow(tasks.sudoku.readTruth(JSON.parse(ground_truth)));
  return tasks.sudoku.solve(truth).answer;
};

const strengthOf = ({ labels }: Node): number => (labels["model"] === "weak" ? 0.4 : 0.8);
const dataOf = (node: Node): Node => node.inputs["data"] as Node;

const playModel: Play = (node, _, directory) => {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, "config.json"), `{ "model": "${node.labels["model"]}" }\n`);
  return Promise.resolve({ directory, summary: {} });
};

const playAnswers: Play = async (node, directoryOf, directory) => {
  const { mode } = node.params.decoded as { readonly mode: string };
  const rows = await rowsOf(directoryOf(dataOf(node)), "test");
  fs.mkdirSync(directory, { recursive: true });
  const lines = rows.map((row) => ({
    id: row.id,
    mode,
    response: say(row, 0, strengthOf(node), mode === "counterfactual"),
  }));
  write(path.join(directory, "predictions.jsonl"), lines);
  return { directory, summary: { rows: lines.length } };
};

/** As `trainers/rollout.py` lays them out: every example end to end, then every one from its caption. */
const playSamples: Play = async (node, directoryOf, directory) => {
  const rows = await rowsOf(directoryOf(dataOf(node)), "validation");
  fs.mkdirSync(directory, { recursive: true });
  const { group: size, counterfactual } = node.params.decoded as {
    readonly group: number;
    readonly counterfactual: number;
  };
  const groups = [
    ...rows.map((row) => ({ row, size, mode: "end-to-end" })),
    ...rows.map((row) => ({ row, size: counterfactual, mode: "counterfactual" })),
  ];
  const lines = groups.flatMap(({ row, size: samples, mode }, group) => {
    const forced = mode === "counterfactual";
    const responses = Array.from({ length: samples }, (_, sample) =>
      say(row, sample, strengthOf(node), forced),
    );
    const majority = majorityCaption(responses);
    return responses.map((response, sample) => {
      const { outcome, perception, perception_f1, consistent, reason } = judged(
        row,
        mode,
        response,
      );
      const f1 = shortened(perception_f1);
      const rewards = {
        outcome: Number(outcome),
        perception: Number(perception),
        perception_f1: f1,
        ...(forced ? {} : agreement(judged({ ...row, perception: majority }, mode, response))),
      };
      const verdict = { outcome, perception, consistent, perception_f1: f1, reason };
      return {
        id: row.id,
        group,
        step: 0,
        sample,
        mode,
        response,
        tokens: 9,
        ...verdict,
        rewards,
        advantage: null,
      };
    });
  });
  write(path.join(directory, "rollouts.jsonl"), lines);
  return { directory, summary: {} };
};

const judged = (row: DatasetRow, mode: string, response: string): Score => {
  const score = scoreTranscript({ ...row, mode, response });
  if ("error" in score) throw new Error(score.error);
  return score;
};

const agreement = ({ perception, perception_f1 }: Score) => ({
  consensus: Number(perception),
  consensus_f1: shortened(perception_f1),
});

/** Every response here has a caption; of those that as many wrote, the first. */
const majorityCaption = (responses: ReadonlyArray<string>): string => {
  const captions = responses.map((response) => /<caption>(.*)<\/caption>/u.exec(response)![1]!);
  const times = (caption: string) => captions.filter((each) => each === caption).length;
  return captions.toSorted((one, other) => times(other) - times(one))[0]!;
};

const shortened = (value: number): number => Number(value.toFixed(6));

const write = (file: string, lines: ReadonlyArray<unknown>) =>
  fs.writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));

const played: Readonly<Record<string, Play>> = {
  pretrained: playModel,
  generate: playAnswers,
  rollout: playSamples,
};

/** The same files in a bag whose manifests fit, with the name that its top folder has. */
export const bagOf = async (
  files: Files,
): Promise<{ readonly top: string; readonly files: Files }> => {
  const entries = [...files].map(([name, content]): Entry => ({
    path: name,
    content,
    license: "MIT",
  }));
  const bag = await bagged(entries, { stored: new Map(), agent: "test", read: () => undefined });
  const all = new Map(bag.entries.map(({ path: name, content }) => [name, content as Uint8Array]));
  return { top: `small-${bag.identity.slice(0, 12)}`, files: all };
};

/** As an archive in `folder`, as it is: nothing is made to fit. */
export const archiveOf = async (top: string, files: Files, folder: string): Promise<string> => {
  const archive = path.join(folder, `${top}.tar.gz`);
  const entries = [...files].map(([name, content]) => ({ path: `${top}/${name}`, content }));
  await writeTarGz(entries, archive, () => undefined);
  return archive;
};

/** With manifests that fit, as an archive. */
export const packed = async (files: Files, folder: string): Promise<string> => {
  const bag = await bagOf(files);
  return archiveOf(bag.top, bag.files, folder);
};

export const textIn = (files: Files, name: string): string => {
  const content = files.get(name);
  if (content === undefined) throw new Error(`there is no ${name}`);
  return Buffer.from(content).toString("utf8");
};

/** With one file's text edited; throws where that changes nothing. */
export const edited = (files: Files, name: string, edit: (text: string) => string): Files => {
  const before = textIn(files, name);
  const after = edit(before);
  if (after === before) throw new Error(`the edit of ${name} changes nothing`);
  return new Map([...files, [name, Buffer.from(after)]]);
};

/** The folder of a node's artifact. */
export const folderOf = (run: BundleRun, node: string): string => {
  const found = run.nodes.find((each) => each.node === node);
  if (found === undefined) throw new Error(`there is no ${node}`);
  return `data/artifacts/${found.artifact}`;
};

/**
 * What a careful forger does: a file of an artifact is edited, and every digest that follows from it, up to the content keys of what is
 * made of it, is put right, and so is all that describes the bundle.
 */
export const forged = (
  files: Files,
  node: string,
  name: string,
  /** Undefined where the file is to go. */
  edit: (text: string) => string | undefined,
): Files => {
  const run = JSON.parse(textIn(files, "data/run.json")) as BundleRun;
  const old = run.nodes.find((each) => each.node === node);
  if (old === undefined) throw new Error(`there is no ${node}`);
  const folder = `data/artifacts/${old.artifact}/`;
  const after = edit(textIn(files, folder + name));
  const altered =
    after === undefined
      ? new Map([...files].filter(([file]) => file !== folder + name))
      : edited(files, folder + name, () => after);
  const content = altered.get(folder + name);
  const tree = old.files.flatMap((file) => {
    if (file.path !== name) return [file];
    return content === undefined
      ? []
      : [{ ...file, sha256: digestBytes(content), size: content.length }];
  });
  const { digest } = artifactOf(old.kind, tree);
  const nodes = run.nodes.map((each) => {
    const own = each.artifact === old.artifact ? { ...each, artifact: digest, files: tree } : each;
    const parts = JSON.parse(
      JSON.stringify(own.keyParts).replaceAll(old.artifact, digest),
    ) as BundleNode["keyParts"];
    return { ...own, keyParts: parts, content: digestJson(parts) };
  });
  const renamed = new Map<string, Uint8Array>();
  for (const [file, bytesOfIt] of altered)
    renamed.set(file.replace(old.artifact, digest), bytesOfIt);
  renamed.set("data/run.json", bytes({ ...run, nodes }));
  return described(renamed);
};
