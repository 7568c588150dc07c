/** What was altered in a bundle is found, at the level that can know, with the number, both values and the files. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { openBundle } from "../../bundle/open.ts";
import type { BundleRun } from "../../bundle/format.ts";
import { rebuildLine } from "../../bundle/rebuildLine.ts";
import { verifyAgain } from "../../bundle/verify/again.ts";
import type { Check, Problem } from "../../bundle/verify/Check.ts";
import { verify } from "../../bundle/verify/verify.ts";
import { digestJson } from "../../schemas/Digest.ts";
import {
  archiveOf,
  bagOf,
  crated,
  described,
  edited,
  type Files,
  folderOf,
  forged,
  packed,
  smallBundle,
  type SmallBundle,
  textIn,
} from "./smallBundle.ts";
import { inScratch } from "./scratch.ts";

const checksOf = async (archive: string, folder: string): Promise<ReadonlyArray<Check>> => {
  const bundle = await Effect.runPromise(openBundle(archive, path.join(folder, "unpacked")));
  const checks: Array<Check> = [];
  for await (const check of verify(bundle, 3)) checks.push(check);
  return checks;
};

const problemsOf = (checks: ReadonlyArray<Check>): ReadonlyArray<Problem> =>
  checks.flatMap(({ problems }) => problems);

interface Found {
  readonly level: number;
  readonly what: string;
  /** Each of its parts is in the problem's part of the same name. */
  readonly file?: string;
  readonly number?: string;
  readonly expected?: unknown;
  readonly found?: unknown;
}

/** The alteration is found there and at no lower level, and one of the problems says so. */
const isFound = (what: string, alter: (small: SmallBundle) => Files, expected: Found) =>
  it(
    what,
    inScratch(async (folder) => {
      const checks = await checksOf(await packed(alter(await smallBundle()), folder), folder);
      const wrong = checks.filter(({ ok }) => !ok);
      const said = JSON.stringify(wrong, null, 1);
      assert.deepStrictEqual([...new Set(wrong.map(({ level }) => level))], [expected.level], said);
      assert.include(
        wrong.map((check) => check.what),
        expected.what,
        said,
      );
      const fits = problemsOf(wrong).some(
        (problem) =>
          problem.file.includes(expected.file ?? "") &&
          (problem.number ?? "").includes(expected.number ?? "") &&
          (!("expected" in expected) || problem.expected === expected.expected) &&
          (!("found" in expected) || problem.found === expected.found),
      );
      assert.isTrue(fits, said);
    }),
  );

describe("a bundle as it was made", () => {
  it(
    "is verified, and its cheap stages come out the same",
    inScratch(async (folder) => {
      const { files } = await smallBundle();
      const archive = await packed(files, folder);
      const checks = await checksOf(archive, folder);
      assert.deepStrictEqual(problemsOf(checks), []);
      assert.deepStrictEqual(
        checks.map(({ what }) => what),
        [
          "payload",
          "tag files",
          "bag",
          "files",
          "artifacts",
          "records",
          "crate",
          "keys",
          "code",
          "environments",
          "predictions",
          "scores",
          "rollouts",
          "tables",
          "correlations",
          "claims",
          "described",
        ],
      );
      assert.include(checks.find(({ what }) => what === "scores")?.looked, "2 nodes");
      assert.include(checks.find(({ what }) => what === "rollouts")?.looked, "72 responses");
      const bundle = await Effect.runPromise(openBundle(archive, path.join(folder, "again")));
      const again: Array<Check> = [];
      for await (const check of verifyAgain(bundle, path.join(folder, "scratch")))
        again.push(check);
      assert.deepStrictEqual(problemsOf(again), []);
      assert.strictEqual(again.length, 5);
    }),
  );
});

describe("level 1", () => {
  const unfit = (what: string, alter: (files: Files, run: BundleRun) => Files, file: string) =>
    it(
      what,
      inScratch(async (folder) => {
        const { files, run } = await smallBundle();
        const bag = await bagOf(files);
        const archive = await archiveOf(bag.top, alter(bag.files, run), folder);
        const checks = await checksOf(archive, folder);
        assert.deepStrictEqual([...new Set(checks.map(({ level }) => level))], [1]);
        assert.include(
          problemsOf(checks).map((problem) => problem.file),
          file,
        );
      }),
    );
  const flipped = (files: Files, name: string): Files => {
    const bytes = Buffer.from(files.get(name)!);
    bytes[bytes.length >> 1]! ^= 1;
    return new Map([...files, [name, bytes]]);
  };
  const renamed = (files: Files, name: string, other: string): Files =>
    new Map([...files].map(([file, bytes]) => [file === name ? other : file, bytes]));
  unfit(
    "finds one byte of the payload",
    (files) => flipped(files, "data/CLAIMS.json"),
    "data/CLAIMS.json",
  );
  unfit(
    "finds one byte of a tag file",
    (files) => flipped(files, "record/attempts.jsonl"),
    "record/attempts.jsonl",
  );
  unfit(
    "finds one byte of a manifest",
    (files) => flipped(files, "manifest-sha512.txt"),
    "manifest-sha512.txt",
  );
  unfit(
    "finds another name",
    (files) => renamed(files, "data/README.md", "data/readme.txt"),
    "data/README.md",
  );
  unfit(
    "finds a file that nobody named",
    (files) => new Map([...files, ["data/more", Buffer.from("x")]]),
    "data/more",
  );
  unfit(
    "finds a tag file that nobody named",
    (files) => new Map([...files, ["more.txt", Buffer.from("x")]]),
    "more.txt",
  );
  unfit(
    "finds a file that is gone",
    (files) => new Map([...files].filter(([name]) => name !== "data/README.md")),
    "data/README.md",
  );
  unfit(
    "finds another BagIt",
    (files) => edited(files, "bagit.txt", (text) => text.replace("1.0", "0.97")),
    "bagit.txt",
  );

  it(
    "holds the name of the archive's folder to the bundle's identity",
    inScratch(async (folder) => {
      const bag = await bagOf((await smallBundle()).files);
      const checks = await checksOf(
        await archiveOf("small-0123456789ab", bag.files, folder),
        folder,
      );
      assert.include(JSON.stringify(problemsOf(checks)), bag.top.slice(-12));
    }),
  );
});

const withJson = (files: Files, name: string, edit: (value: any) => void): Files =>
  edited(files, name, (text) => {
    const value = JSON.parse(text) as unknown;
    edit(value);
    return `${JSON.stringify(value, null, 2)}\n`;
  });
const withRun = (files: Files, edit: (run: any) => void) => withJson(files, "data/run.json", edit);
const nodeOf = (run: any, name: string) => run.nodes.find((each: any) => each.node === name);

const scoresNode = "scores[model=weak]";
const answersNode = "e2e[model=weak]";
const samplesNode = "samples[model=strong]";

/** Every digest that follows is put right. */
const line = (index: number, edit: (value: any) => void) => (text: string) =>
  text
    .split("\n")
    .map((each, place) => {
      if (place !== index) return each;
      const value = JSON.parse(each) as unknown;
      edit(value);
      return JSON.stringify(value);
    })
    .join("\n");

describe("level 2", () => {
  isFound(
    "finds an artifact's file that is another",
    ({ files, run }) =>
      edited(
        files,
        `${folderOf(run, scoresNode)}/scores.jsonl`,
        line(3, (score) => (score.outcome = !score.outcome)),
      ),
    { level: 2, what: "artifacts", file: "scores.jsonl" },
  );
  isFound(
    "finds a file with another name",
    ({ files, run }) =>
      new Map(
        [...files].map(([name, bytes]) => [
          name.replace(
            `${folderOf(run, "table")}/table.csv`,
            `${folderOf(run, "table")}/table.tsv`,
          ),
          bytes,
        ]),
      ),
    { level: 2, what: "artifacts", file: "table.csv", found: "absent" },
  );
  isFound(
    "finds what belongs to nothing",
    ({ files }) => new Map([...files, ["data/notes.txt", Buffer.from("x")]]),
    { level: 2, what: "files", file: "data/notes.txt" },
  );
  isFound(
    "finds an artifact of no node",
    ({ files }) => new Map([...files, ["data/artifacts/0/x", Buffer.from("x")]]),
    { level: 2, what: "artifacts", file: "data/artifacts/0/x" },
  );
  isFound(
    "finds a file without which there is no bundle",
    ({ files }) => new Map([...files].filter(([name]) => name !== "data/pointers.json")),
    { level: 2, what: "files", file: "data/pointers.json" },
  );
  isFound(
    "finds a file that its schema does not know",
    ({ files }) => withRun(files, (run) => (run.mood = "good")),
    { level: 2, what: "files", file: "data/run.json" },
  );
  isFound(
    "finds JSON that is none",
    ({ files }) => edited(files, "data/CLAIMS.json", (text) => text.slice(1)),
    { level: 2, what: "files", file: "data/CLAIMS.json" },
  );
  isFound(
    "finds an artifact under another digest",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "table").files[0].size += 1)),
    { level: 2, what: "artifacts", number: "table" },
  );
  isFound(
    "finds a pointer to nothing",
    ({ files }) =>
      withJson(files, "data/pointers.json", (pointers) =>
        pointers.push({
          artifact: "0",
          path: "x",
          sha256: "0",
          size: 1,
          why: "size",
          needed: false,
          rebuild: "",
        }),
      ),
    { level: 2, what: "artifacts", file: "data/pointers.json" },
  );
  isFound(
    "finds a name in the crate that is dangling",
    ({ files }) =>
      withJson(
        files,
        "data/ro-crate-metadata.json",
        (crate) => (crate["@graph"][1].author = { "@id": "#nobody" }),
      ),
    { level: 2, what: "crate", number: "#nobody" },
  );
  isFound(
    "finds a file in the crate that is not there",
    ({ files }) =>
      withJson(files, "data/ro-crate-metadata.json", (crate) =>
        crate["@graph"].push({ "@id": "more.txt", "@type": "File" }),
      ),
    { level: 2, what: "crate", file: "data/more.txt" },
  );
  isFound(
    "finds a line that is no score",
    ({ files }) =>
      forged(
        files,
        scoresNode,
        "scores.jsonl",
        line(3, (score) => (score.outcome = "yes")),
      ),
    { level: 2, what: "records", file: "scores.jsonl:4" },
  );
});

describe("level 3", () => {
  isFound(
    "finds one score",
    ({ files }) =>
      forged(
        files,
        scoresNode,
        "scores.jsonl",
        line(3, (score) => (score.perception_f1 = 0.123)),
      ),
    {
      level: 3,
      what: "scores",
      file: "scores.jsonl",
      number: "[test-000003 end-to-end].perception_f1",
      found: 0.123,
    },
  );
  isFound(
    "finds one transcript",
    ({ files }) =>
      forged(
        files,
        answersNode,
        "predictions.jsonl",
        line(0, (answer) => (answer.response = "<caption>[]</caption><answer>[]</answer>")),
      ),
    { level: 3, what: "scores", file: "scores.jsonl", number: "[test-000000 end-to-end]" },
  );
  isFound(
    "finds one response of a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(7, (rollout) => (rollout.response = "")),
      ),
    {
      level: 3,
      what: "rollouts",
      number: "validation-000001 (step 0, group 1, sample 3, end-to-end)",
    },
  );
  isFound(
    "finds one verdict on a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(2, (rollout) => (rollout.consistent = !rollout.consistent)),
      ),
    { level: 3, what: "rollouts", number: "sample 2, end-to-end).consistent" },
  );
  isFound(
    "finds one reward of a rollout",
    ({ files }) =>
      forged(
        files,
        samplesNode,
        "rollouts.jsonl",
        line(2, (rollout) => (rollout.rewards.consensus = 7)),
      ),
    { level: 3, what: "correlations", file: "correlations.json" },
  );
  isFound(
    "finds one number of a table",
    ({ files }) =>
      forged(files, "table", "table.json", (text) =>
        text.replace(/"low": [\d.]+/u, '"low": 0.123'),
      ),
    { level: 3, what: "tables", file: "table.json", number: "rows[model=" },
  );
  isFound(
    "finds one number of a table's CSV",
    ({ files }) =>
      forged(files, "table", "table.csv", (text) => text.replace(/strong,1,/u, "strong,2,")),
    { level: 3, what: "tables", file: "table.csv" },
  );
  isFound(
    "finds one number of correlations",
    ({ files }) =>
      forged(files, "correlations", "correlations.json", (text) =>
        text.replace(/"phi_max": [\d.]+/u, '"phi_max": 0.123'),
      ),
    { level: 3, what: "correlations", file: "correlations.json" },
  );
  isFound(
    "finds a table written otherwise",
    ({ files }) => forged(files, "table", "table.json", (text) => `${text}\n`),
    { level: 3, what: "tables", file: "table.json", expected: "the same text" },
  );
  isFound(
    "finds one number of a claim",
    ({ files }) => withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0].value = 0.99)),
    { level: 3, what: "claims", number: "table[model=weak]/a: value", found: 0.99 },
  );
  isFound(
    "finds a claim that is gone",
    ({ files }) => withJson(files, "data/CLAIMS.json", (claims) => claims.claims.shift()),
    { level: 3, what: "claims", number: "table[model=weak]/a", found: "absent" },
  );
  isFound(
    "finds a claim of nothing",
    ({ files }) =>
      withJson(files, "data/CLAIMS.json", (claims) =>
        claims.claims.push({ ...claims.claims[0], id: "mine" }),
      ),
    { level: 3, what: "claims", number: "mine" },
  );
  isFound(
    "finds one number of the page that a reader sees first",
    ({ files }) => edited(files, "data/README.md", (text) => text.replace("0.333", "0.933")),
    { level: 3, what: "claims", file: "data/README.md" },
  );
  isFound(
    "finds a table on that page that nobody has made",
    ({ files }) =>
      edited(files, "data/README.md", (text) =>
        text.replace("# small\n", "# small\n\n| a |\n| 1 |\n"),
      ),
    { level: 3, what: "claims", file: "data/README.md" },
  );
  for (const [name, value] of [
    ["tolerance", 1000],
    ["seconds", 2],
    ["bytes", 1],
    ["gpu", true],
  ] as const)
    isFound(
      `finds another value for the ${name} of a claim`,
      ({ files }) =>
        withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0][name] = value)),
      { level: 3, what: "claims", number: `table[model=weak]/a: ${name}`, found: value },
    );
  isFound(
    "finds a claim that says two things",
    ({ files }) =>
      edited(files, "data/CLAIMS.json", (text) =>
        text.replace('"value": ', '"value": 0.999,\n      "value": '),
      ),
    { level: 2, what: "files", file: "data/CLAIMS.json" },
  );
  isFound(
    "finds a command that is not the one to make a number with",
    ({ files }) =>
      withJson(files, "data/CLAIMS.json", (claims) => (claims.claims[0].command = "rm -rf /")),
    { level: 3, what: "claims", number: "table[model=weak]/a: command", found: "rm -rf /" },
  );
  isFound(
    "finds a node that is said not to be made, and is there",
    ({ files }) => withRun(files, (run) => (run.unmade = [{ node: "table", state: "failed" }])),
    { level: 3, what: "keys", number: "table", found: "present" },
  );
  isFound(
    "finds a line of a stage's code",
    ({ files }) => edited(files, "data/source/stages/Any.ts", (text) => `${text}// more\n`),
    { level: 3, what: "code", file: "data/source/stages/Any.ts" },
  );
  isFound(
    "finds another digest for a stage's code",
    ({ files }) =>
      withJson(files, "data/source/stages/stages.lock.json", (lock) => {
        lock.score.digest = "0".repeat(64);
      }),
    { level: 3, what: "code", number: "score", found: "0".repeat(64) },
  );
  isFound(
    "finds a content key",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "table").content = "0".repeat(64))),
    { level: 3, what: "keys", number: "table: content", found: "0".repeat(64) },
  );
  isFound(
    "finds a recipe key",
    ({ files }) => withRun(files, (run) => (nodeOf(run, "data").recipe = "0".repeat(64))),
    { level: 3, what: "keys", number: "data: recipe" },
  );
  isFound(
    "finds a param of a key",
    ({ files }) =>
      withRun(files, (run) => {
        const node = nodeOf(run, "correlations");
        node.keyParts.params.resamples = 200;
        node.content = digestJson(node.keyParts);
      }),
    {
      level: 3,
      what: "keys",
      number: "correlations: keyParts.params.resamples",
      expected: 100,
      found: 200,
    },
  );
  isFound(
    "finds another spec",
    ({ files }) =>
      edited(files, "data/experiment.yaml", (text) => text.replace("seed: 7", "seed: 8")),
    { level: 3, what: "keys", number: "data: keyParts.params.seed", expected: 8, found: 7 },
  );
  isFound(
    "finds a spec that is none",
    ({ files }) =>
      edited(files, "data/experiment.yaml", (text) => text.replace("use: score", "use: skore")),
    { level: 3, what: "keys", file: "data/experiment.yaml" },
  );
  isFound(
    "finds a node that is left out",
    ({ files, run }) => {
      const { artifact } = run.nodes.find(({ node }) => node === "cot")!;
      const without = new Map([...files].filter(([name]) => !name.includes(artifact)));
      return described(
        withRun(
          without,
          (value) => (value.nodes = value.nodes.filter((each: any) => each.node !== "cot")),
        ),
      );
    },
    { level: 3, what: "keys", number: "cot", found: "absent" },
  );
  isFound(
    "finds a summary that says something else",
    ({ files }) => withRun(files, (run) => (nodeOf(run, scoresNode).summary.a = 1)),
    { level: 3, what: "scores", number: `${scoresNode}: summary.a`, found: 1 },
  );
});

const crateFile = "data/ro-crate-metadata.json";
const entityIn = (crate: any, id: string) =>
  crate["@graph"].find((entity: any) => entity["@id"] === id);
const withEntity = (files: Files, id: string, edit: (entity: any) => void) =>
  withJson(files, crateFile, (crate) => edit(entityIn(crate, id)));
const withMore = (files: Files, name: string): Files =>
  new Map([...files, [name, Buffer.from("more\n")]]);
const fileNamed = (files: Files, name: RegExp): string => {
  const found = [...files.keys()].find((file) => name.test(file));
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

/** Without the transcripts, and with what says so. */
const withPointers = ({ files, run }: SmallBundle, edit: (pointer: any) => void): Files => {
  const { node, artifact, files: tree } = run.nodes.find((each) => each.node === "cot")!;
  const pointers = tree.map(({ path: name, sha256, size }) => {
    const rebuild = `npx pipe run experiment.yaml --only ${node}`;
    const pointer = { artifact, path: name, sha256, size, why: "size", needed: false, rebuild };
    edit(pointer);
    return pointer;
  });
  const kept = [...files].filter(([name]) => !name.includes(artifact));
  const text = `${JSON.stringify(pointers, null, 2)}\n`;
  return described(new Map([...kept, ["data/pointers.json", Buffer.from(text)]]));
};

describe("what describes a bundle", () => {
  for (const name of ["cards/more.md", "source/more.ts", "LICENSES/CC-BY-4.0.txt"])
    isFound(`has a word for each file: ${name}`, ({ files }) => withMore(files, `data/${name}`), {
      level: 2,
      what: "crate",
      file: `data/${name}`,
      expected: "described",
    });
  isFound(
    "has no page that nobody makes",
    ({ files }) => crated(withMore(files, "data/ro-crate-preview.html")),
    { level: 2, what: "files", file: "data/ro-crate-preview.html" },
  );
  isFound(
    "has a crate that describes every file",
    ({ files }) =>
      withJson(files, crateFile, (crate) => {
        const isThis = (entity: any) => entity["@id"] === "source/stages/Any.ts";
        crate["@graph"] = crate["@graph"].filter((entity: any) => !isThis(entity));
        const folder = entityIn(crate, "source/");
        folder.hasPart = folder.hasPart.filter((part: any) => !isThis(part));
      }),
    { level: 2, what: "crate", file: "data/source/stages/Any.ts" },
  );
  for (const name of ["cards/more.md", "LICENSES/CC-BY-4.0.txt", "environment/more.lock"])
    isFound(
      `is nothing more than follows from the rest, though the crate knows of it: ${name}`,
      ({ files }) => crated(withMore(files, `data/${name}`)),
      { level: 3, what: "described", file: `data/${name}`, expected: "absent" },
    );
  isFound(
    "has the values of tables in the cards of models",
    ({ files }) => {
      const name = fileNamed(files, /cards\/model-/u);
      return crated(edited(files, name, (text) => text.replace(/value: [\d.]+/u, "value: 0.997")));
    },
    { level: 3, what: "described", file: "data/cards/model-", number: "line " },
  );
  isFound(
    "has the sizes of files in the crate",
    ({ files }) => withEntity(files, "run.json", (file) => (file.contentSize = "1")),
    { level: 3, what: "described", file: crateFile, number: "run.json.contentSize", found: "1" },
  );
  isFound(
    "has the digests of files in the crate",
    ({ files, run }) => {
      const table = `${folderOf(run, "table").slice("data/".length)}/table.json`;
      return withEntity(files, table, (file) => (file.sha256 = "0".repeat(64)));
    },
    { level: 3, what: "described", number: "table.json.sha256", found: "0".repeat(64) },
  );
  for (const part of ["object", "result"] as const)
    isFound(
      `has the ${part} of actions in the crate`,
      ({ files, run }) => {
        const other = { "@id": `${folderOf(run, "data").slice("data/".length)}/` };
        return withEntity(
          files,
          "#action/table",
          (action) => (action[part] = part === "object" ? [other] : other),
        );
      },
      { level: 3, what: "described", number: `#action/table.${part}` },
    );
  isFound(
    "has days in the crate",
    ({ files }) => withEntity(files, "./", (top) => (top.datePublished = "tomorrow")),
    { level: 3, what: "described", number: "datePublished", found: "tomorrow" },
  );
  isFound(
    "has one day",
    ({ files }) => withEntity(files, "./", (top) => (top.datePublished = "2026-01-01")),
    { level: 3, what: "described", file: "data/croissant.json", number: "datePublished" },
  );
  isFound(
    "has the terms of a file that is ours",
    ({ files }) =>
      withEntity(files, "run.json", (file) => (file.license[0]["@id"] += "-or-others")),
    { level: 3, what: "described", number: "run.json.license[0].@id" },
  );
  isFound(
    "has the texts of the terms that an artifact is under",
    ({ files, run }) => {
      const model = folderOf(run, "start[model=weak]").slice("data/".length);
      const license = [{ "@id": "https://spdx.org/licenses/CC-BY-4.0" }];
      return withEntity(files, `${model}/config.json`, (file) => (file.license = license));
    },
    { level: 3, what: "described", file: "data/LICENSES/CC-BY-4.0.txt", found: "absent" },
  );
  isFound(
    "has the digests of data sets",
    ({ files }) =>
      crated(
        withJson(
          files,
          "data/croissant.json",
          (data) => (data.distribution[0].sha256 = "0".repeat(64)),
        ),
      ),
    {
      level: 3,
      what: "described",
      file: "croissant.json",
      number: "sha256",
      found: "0".repeat(64),
    },
  );
  isFound(
    "has the words of licences",
    ({ files }) =>
      crated(edited(files, "data/LICENSES/MIT.txt", (text) => text.replace("WITHOUT", "WITH"))),
    { level: 3, what: "described", file: "data/LICENSES/MIT.txt" },
  );
  isFound(
    "has a licence for each package in the verifier",
    ({ files }) =>
      crated(
        edited(files, "data/LICENSES/verify.mjs.txt", (text) => text.replace("(MIT)", "(Mine)")),
      ),
    { level: 3, what: "described", number: "verify.mjs.license" },
  );
  isFound(
    "has the experiment's own description",
    ({ files }) => described(withRun(files, (run) => (run.description = "0.997 is reached"))),
    { level: 3, what: "described", number: "description", expected: "absent" },
  );
  isFound(
    "has the version of the sources",
    ({ files }) => described(withRun(files, (run) => (run.pipe.version = "9.9.9"))),
    { level: 3, what: "described", number: "pipe.version", expected: "0.1.0", found: "9.9.9" },
  );
  isFound(
    "has the locked packages of the sources",
    ({ files }) =>
      crated(edited(files, "data/environment/requirements.lock", (text) => `${text}more==1\n`)),
    { level: 3, what: "described", file: "data/environment/requirements.lock" },
  );
  isFound(
    "has the command that makes what is left out",
    (small) => withPointers(small, (pointer) => (pointer.rebuild = "rm -rf /")),
    {
      level: 3,
      what: "described",
      file: "data/pointers.json",
      expected: "npx pipe run experiment.yaml --only cot",
      found: "rm -rf /",
    },
  );
  isFound(
    "has why it is left out",
    (small) => withPointers(small, (pointer) => (pointer.why = "weights")),
    { level: 3, what: "described", file: "data/pointers.json", found: "weights" },
  );
  it(
    "may say of files that they are left out",
    inScratch(async (folder) => {
      const archive = await packed(
        withPointers(await smallBundle(), () => undefined),
        folder,
      );
      assert.deepStrictEqual(problemsOf(await checksOf(archive, folder)), []);
    }),
  );
});

/** The lines of a file of JSON Lines, altered as a whole. */
const allLines = (edit: (lines: ReadonlyArray<any>) => ReadonlyArray<unknown>) => (text: string) =>
  edit(
    text
      .split("\n")
      .slice(0, -1)
      .map((each): unknown => JSON.parse(each)),
  )
    .map((each) => `${JSON.stringify(each)}\n`)
    .join("");

describe("level 3, which answers there are", () => {
  const answers = (
    what: string,
    edit: (text: string) => string,
    expected: Omit<Found, "level" | "what">,
  ) =>
    isFound(what, ({ files }) => forged(files, answersNode, "predictions.jsonl", edit), {
      level: 3,
      what: "predictions",
      file: "predictions.jsonl",
      ...expected,
    });
  answers(
    "finds one that is left out",
    allLines((lines) => lines.toSpliced(3, 1)),
    { number: "test-000003", found: "none" },
  );
  answers("finds that there are none", () => "", { number: "test-000000", found: "none" });
  answers(
    "finds one that is there twice",
    allLines((lines) => [...lines, lines[3]]),
    { number: "test-000003", found: "another" },
  );
  answers(
    "finds one of another split",
    line(3, (answer) => (answer.id = "validation-000003")),
    { number: "validation-000003", found: "validation-000003" },
  );
  answers(
    "finds one in another mode",
    line(3, (answer) => (answer.mode = "counterfactual")),
    { number: "test-000003", expected: "end-to-end", found: "counterfactual" },
  );
  isFound(
    "finds one without the caption that was forced on it",
    ({ files }) =>
      forged(
        files,
        "oracle[model=weak]",
        "predictions.jsonl",
        line(3, (answer) => (answer.response = "<answer>[]</answer>")),
      ),
    { level: 3, what: "predictions", number: "test-000003", found: "<answer>[]</answer>" },
  );
  isFound(
    "finds that the file is not there",
    ({ files }) => forged(files, answersNode, "predictions.jsonl", () => undefined),
    { level: 3, what: "predictions", file: "predictions.jsonl", found: "absent" },
  );
});

describe("level 3, which rollouts there are", () => {
  const rollouts = (
    what: string,
    edit: (text: string) => string,
    expected: Omit<Found, "level" | "what">,
  ) =>
    isFound(what, ({ files }) => forged(files, samplesNode, "rollouts.jsonl", edit), {
      level: 3,
      what: "rollouts",
      file: "rollouts.jsonl",
      ...expected,
    });
  const second = "validation-000001 (step 0, group 1";
  rollouts(
    "finds one that is left out",
    allLines((lines) => lines.toSpliced(5, 1)),
    { number: `${second}, end-to-end)`, expected: "sample 1", found: "sample 2" },
  );
  rollouts(
    "finds the last of a group that is left out",
    allLines((lines) => lines.toSpliced(7, 1)),
    { number: `${second}, end-to-end)`, expected: "4 responses", found: 3 },
  );
  rollouts(
    "finds one that is there twice",
    allLines((lines) => lines.toSpliced(7, 0, lines[7])),
    { number: `${second}, sample 3, end-to-end)`, found: "one more" },
  );
  rollouts(
    "finds a group that is left out",
    allLines((lines) => lines.toSpliced(4, 4)),
    { number: "step 0, group 1", found: "absent" },
  );
  rollouts(
    "finds that all of one mode are left out",
    allLines((lines) => lines.filter(({ mode }) => mode === "end-to-end")),
    { number: "step 0, group 6", found: "absent" },
  );
  rollouts("finds that there are none", () => "", { number: "step 0", found: "none" });
  rollouts(
    "finds a group that comes twice",
    allLines((lines) => [...lines, ...lines.slice(4, 8)]),
    { number: "step 0, group 1", found: "again" },
  );
  rollouts(
    "finds a group too many",
    allLines((lines) => [...lines, ...lines.slice(4, 8).map((each) => ({ ...each, group: 99 }))]),
    { number: "step 0, group 99", found: 99 },
  );
  rollouts(
    "finds another step",
    allLines((lines) => lines.map((each) => ({ ...each, step: 1 }))),
    { number: "step 1", found: "some" },
  );
  rollouts(
    "finds two groups about one another's examples",
    allLines((lines) =>
      lines.map((each, index) => (index < 8 ? { ...each, id: lines[index ^ 4].id } : each)),
    ),
    { number: "step 0, group 1", expected: "validation-000001", found: "validation-000000" },
  );
  rollouts(
    "finds one of another split",
    line(5, (rollout) => (rollout.id = "test-000001")),
    { number: "test-000001 (step 0, group 1, sample 1", found: "test-000001" },
  );
  rollouts(
    "finds a reward for agreeing with the group",
    line(5, (rollout) => (rollout.rewards.consensus = 1 - rollout.rewards.consensus)),
    { number: `${second}, sample 1, end-to-end).rewards.consensus` },
  );
  rollouts(
    "finds a reward for agreeing with the group in part",
    line(5, (rollout) => (rollout.rewards.consensus_f1 = 0.123)),
    { number: `${second}, sample 1, end-to-end).rewards.consensus_f1`, found: 0.123 },
  );
  rollouts(
    "finds a reward that no trainer writes",
    line(5, (rollout) => (rollout.rewards.ours = 1)),
    { number: `${second}, sample 1, end-to-end).rewards.ours`, expected: "absent", found: 1 },
  );
  rollouts(
    "finds a reward that nobody asked for",
    line(5, (rollout) => (rollout.rewards.teacher = 1)),
    { number: `${second}, sample 1, end-to-end).rewards.teacher`, expected: "absent", found: 1 },
  );
  rollouts(
    "finds a reward that is gone",
    line(5, (rollout) => delete rollout.rewards.consensus),
    { number: `${second}, sample 1, end-to-end).rewards.consensus`, found: "absent" },
  );
  rollouts(
    "finds an advantage where nothing learned",
    line(5, (rollout) => (rollout.advantage = 2)),
    { number: `${second}, sample 1, end-to-end).advantage`, expected: null, found: 2 },
  );
  isFound(
    "finds that the file is not there",
    ({ files }) => forged(files, samplesNode, "rollouts.jsonl", () => undefined),
    { level: 3, what: "rollouts", number: "rollouts.jsonl", found: "absent" },
  );
});

/** As one is bundled whose store has lost a file, or has no room for it. */
const leftOut = (files: Files, node: string, name: string): Files => {
  const { nodes } = JSON.parse(textIn(files, "data/run.json")) as BundleRun;
  const { artifact, files: tree } = nodes.find((each) => each.node === node)!;
  const { sha256, size } = tree.find((file) => file.path === name)!;
  const rest = new Map([...files].filter(([file]) => !file.endsWith(`${artifact}/${name}`)));
  const rebuild = rebuildLine([], node);
  const pointer = { artifact, path: name, sha256, size, why: "missing", needed: true, rebuild };
  return described(withJson(rest, "data/pointers.json", (pointers) => pointers.push(pointer)));
};

describe("what is left out", () => {
  const isLimit = (what: string, node: string, name: string, where: string, limit: RegExp) =>
    it(
      what,
      inScratch(async (folder) => {
        const files = leftOut((await smallBundle()).files, node, name);
        const checks = await checksOf(await packed(files, folder), folder);
        const { problems, limits } = checks.find((check) => check.what === where)!;
        assert.deepStrictEqual(problems, []);
        assert.match(limits.join("\n"), limit);
      }),
    );
  isLimit(
    "may be the split that rollouts are about, which then are not judged again",
    "data",
    "data/validation-00000-of-00001.parquet",
    "rollouts",
    /split `validation`, which `samples\[model=weak\]` samples, is left out/u,
  );
  isLimit(
    "may be the split that is answered",
    "data",
    "data/test-00000-of-00001.parquet",
    "predictions",
    /split `test`, which `e2e\[model=weak\]` answers, is left out/u,
  );
  isLimit(
    "may be answers",
    answersNode,
    "predictions.jsonl",
    "predictions",
    /the answers of `e2e\[model=weak\]` are left out/u,
  );
  isLimit(
    "may be rollouts",
    samplesNode,
    "rollouts.jsonl",
    "rollouts",
    /the rollouts of `samples\[model=strong\]` are left out/u,
  );
  isFound(
    "is no excuse for a split that the data set never had",
    ({ files }) => forged(files, "data", "data/validation-00000-of-00001.parquet", () => undefined),
    { level: 3, what: "rollouts", file: "rollouts.jsonl", expected: "a split `validation`" },
  );
});

/** With keys that are right for what they say: inputs of a recipe go by recipe. */
const rekeyed = (files: Files, edit: (node: any) => void): Files =>
  withRun(files, (run) => {
    const recipes: Array<readonly [string, string]> = [];
    for (const node of run.nodes) {
      edit(node);
      node.content = digestJson(node.keyParts);
      let inputs = JSON.stringify(node.keyParts.inputs);
      for (const [artifact, recipe] of recipes) inputs = inputs.replaceAll(artifact, recipe);
      node.recipe = digestJson({ ...node.keyParts, inputs: JSON.parse(inputs) });
      recipes.push([node.artifact, node.recipe]);
    }
  });

describe("level 3, where stages ran", () => {
  const setIn = (stage: string, name: string, value: unknown) => (files: Files) =>
    rekeyed(files, ({ stage: own, keyParts }) => {
      if (own === stage) keyParts[name] = value;
    });
  isFound(
    "finds a version that a stage never had",
    ({ files }) => setIn("score", "version", 99)(files),
    { level: 3, what: "code", number: `${scoresNode}: keyParts.version`, found: 99 },
  );
  isFound(
    "finds a version below the first",
    ({ files }) => setIn("generate", "version", 0)(files),
    { level: 3, what: "code", number: `${answersNode}: keyParts.version`, found: 0 },
  );
  isFound(
    "finds what is no environment",
    ({ files }) => setIn("generate", "environment", "evil")(files),
    { level: 3, what: "environments", number: "keyParts.environment", found: "evil" },
  );

  const looksAtEnvironments = (
    what: string,
    alter: (files: Files) => Files,
    looked: string,
    limits: ReadonlyArray<RegExp>,
  ) =>
    it(
      what,
      inScratch(async (folder) => {
        const archive = await packed(alter((await smallBundle()).files), folder);
        const checks = await checksOf(archive, folder);
        assert.deepStrictEqual(problemsOf(checks), []);
        const check = checks.find((each) => each.what === "environments")!;
        assert.strictEqual(check.looked, looked);
        assert.strictEqual(check.limits.length, limits.length);
        for (const [index, limit] of limits.entries()) assert.match(check.limits[index]!, limit);
      }),
    );
  looksAtEnvironments(
    "says which Python and that its packages are the locked ones",
    (files) => files,
    "6 nodes with the locked packages and Python 3.13",
    [],
  );
  looksAtEnvironments(
    "says that packages are not the locked ones",
    (files) => described(setIn("rollout", "environment", "0".repeat(64))(files)),
    "4 nodes with the locked packages and Python 3.13, 1 environment as recorded",
    [/2 nodes ran in environment 000000000000, which is not the bundled lock/u],
  );
  looksAtEnvironments(
    "says that a Python was somebody's own",
    (files) => described(setIn("rollout", "environment", `installed:${"0".repeat(64)}`)(files)),
    "4 nodes with the locked packages and Python 3.13, 1 environment as recorded",
    [/2 nodes ran in a Python of their own \(PIPE_PYTHON, installed:000000000000\)/u],
  );

  it(
    "says once what was made by programs, and is taken as it stands",
    inScratch(async (folder) => {
      const checks = await checksOf(await packed((await smallBundle()).files, folder), folder);
      const limits = checks.flatMap((check) => check.limits);
      assert.strictEqual(limits.filter((limit) => limit.includes("summaries")).length, 1);
      assert.include(limits.join("\n"), "8 nodes of `generate`, `pretrained`, `rollout`:");
      assert.include(limits.join("\n"), "2 nodes of `distill`, `render`:");
    }),
  );
});

describe("what verifying leaves behind", () => {
  it(
    "is nothing",
    inScratch(async (folder) => {
      const archive = await packed((await smallBundle()).files, folder);
      const temporary = path.join(folder, "temporary");
      fs.mkdirSync(temporary);
      const { TMPDIR } = process.env;
      process.env["TMPDIR"] = temporary;
      try {
        await checksOf(archive, folder);
      } finally {
        if (TMPDIR === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = TMPDIR;
      }
      assert.deepStrictEqual(fs.readdirSync(temporary), []);
    }),
  );
});
