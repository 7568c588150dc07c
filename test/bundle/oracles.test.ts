/**
 * Bundles held against programs that know nothing of us: BagIt's own library, `sha512sum`, the RO-Crate validator, Croissant's library and the
 * Hub's. Each is shown to fail on something wrong, too. Nothing here reaches the network: the context that the validator
 * asks for, https://w3id.org/ro/crate/1.2/context as it was published (CC0), lies beside this file.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { promisify } from "node:util";
import { ensurePython } from "../../executors/PythonEnvironment.ts";
import { isLong } from "../rig/isLong.ts";
import { inRig, jsonLines } from "../rig/Rig.ts";
import { jsonl, rollout } from "../stages/correlating.ts";

const spec = `
name: study
description: A study for a test
stages:
  data:
    use: render
    with: { task: { kind: sudoku, size: 4, blanks: 6 }, splits: { train_sft: 6, test: 3 }, seed: 7 }
  cot: { use: distill, from: { data: data } }
  start: { use: pretrained, with: { path: model } }
  sampled: { use: files, with: { path: rollouts } }
  noted: { use: command, from: { data: data, model: start }, with: { run: "echo one > '{out}/a #1 [x=é].txt'" } }
  diagnosis: { use: correlate, from: { rollouts: { all: sampled } }, with: { resamples: 100 } }
`;

const rollouts = Array.from({ length: 24 }, (_, index) => {
  const outcome = index % 3 === 0;
  return rollout({
    id: `p${Math.floor(index / 4)}`,
    group: Math.floor(index / 4),
    sample: index % 4,
    outcome,
    perception: index % 2 === 0,
    consistent: outcome,
    rewards: { outcome: Number(outcome) },
  });
});

const minutes = 60_000;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-oracles-"));
const context = path.join(import.meta.dirname, "ro-crate-1.2-context.json");
let python = "";
/** The bundle, unpacked; nobody writes there. */
let bundle = "";

beforeAll(async () => {
  const locks = [path.join(import.meta.dirname, "requirements.lock")];
  ({ python } = await ensurePython({ locks, variable: "PIPE_PYTHON_ORACLES" }, () => undefined));
  await inRig(async (rig) => {
    rig.write("study.yaml", spec);
    rig.write("rollouts/rollouts.jsonl", jsonl(rollouts));
    rig.write("model/config.json", JSON.stringify({ model_type: "none" }));
    rig.write("model/model.safetensors", "\u0002\0\0\0\0\0\0\0{}"); // whole: a header of no tensors
    await rig.made("study.yaml");
    const terms = ["sampled=CC0-1.0", "noted=MIT", "start=Apache-2.0"];
    const flags = terms.flatMap((term) => ["--license", term]);
    const { code, stdout, stderr } = await rig.pipe("bundle", "--json", ...flags);
    assert.strictEqual(code, 0, stdout + stderr);
    const { file, top } = jsonLines(stdout)[0] as { readonly file: string; readonly top: string };
    execFileSync("tar", ["xzf", rig.path(file), "-C", scratch]);
    bundle = path.join(scratch, top);
  })();
  await valueOf("seed_context", path.join(scratch, "http"), context);
}, 15 * minutes);

afterAll(() => {
  oracle?.child.kill();
  fs.rmSync(scratch, { recursive: true, force: true });
});

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

// An address where nobody listens, so that every request to the network fails at once.
const nowhere = "http://127.0.0.1:9";

const environment = () => ({
  ...process.env,
  http_proxy: nowhere,
  https_proxy: nowhere,
  HF_HUB_OFFLINE: "1",
  HF_HOME: path.join(scratch, "hub"),
  TMPDIR: scratch,
  XDG_CACHE_HOME: path.join(scratch, "cache"),
  COLUMNS: "200",
});

const program = async (
  file: string,
  args: ReadonlyArray<string>,
  cwd = scratch,
): Promise<Answer> => {
  const options = { cwd, env: environment(), maxBuffer: 1 << 26 };
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], options);
    return { ok: true, text: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return { ok: false, text: stdout + stderr };
  }
};

/** The one process of oracle.py, which answers a request at a time. */
let oracle: { readonly child: ChildProcess; readonly answers: AsyncIterator<string> } | undefined;

const answerOf = async (
  call: string,
  ...args: ReadonlyArray<string>
): Promise<Answer & { readonly value: any }> => {
  if (oracle === undefined) {
    const file = path.join(import.meta.dirname, "oracle.py");
    const stdio = ["pipe", "pipe", "inherit"] as const;
    const child = spawn(python, [file], { cwd: scratch, env: environment(), stdio: [...stdio] });
    const lines = readline.createInterface({ input: child.stdout! });
    oracle = { child, answers: lines[Symbol.asyncIterator]() };
  }
  oracle.child.stdin!.write(`${JSON.stringify({ call, arguments: args })}\n`);
  const { value, done } = await oracle.answers.next();
  assert.isNotTrue(done, "oracle.py has ended");
  return JSON.parse(value);
};

const valueOf = async (call: string, ...args: ReadonlyArray<string>): Promise<any> => {
  const { ok, value, text } = await answerOf(call, ...args);
  assert.isTrue(ok, text);
  return value;
};

let copies = 0;

/** The bundle, altered. */
const altered = (alter: (folder: string) => void): string => {
  const folder = path.join(scratch, `altered-${(copies += 1)}`);
  fs.cpSync(bundle, folder, { recursive: true });
  alter(folder);
  return folder;
};

const edited = (file: string, edit: (value: any) => void): string =>
  altered((folder) => {
    const place = path.join(folder, file);
    const value = JSON.parse(fs.readFileSync(place, "utf8"));
    edit(value);
    fs.writeFileSync(place, JSON.stringify(value));
  });

const jsonIn = (file: string): any => JSON.parse(fs.readFileSync(path.join(bundle, file), "utf8"));

const flipped = (folder: string, file: string): void => {
  const place = path.join(folder, file);
  const bytes = fs.readFileSync(place);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  fs.writeFileSync(place, bytes);
};

const artifactOf = (node: string): string =>
  jsonIn("data/run.json").nodes.find((made: { readonly node: string }) => made.node === node)
    .artifact;

describe("the bag", () => {
  const manifest = (folder: string) =>
    program("sha512sum", ["--strict", "--quiet", "-c", "manifest-sha512.txt"], folder);
  const bagit = (folder: string) => program(python, ["-m", "bagit", "--validate", folder]);

  for (const [name, oracle] of Object.entries({ sha512sum: manifest, bagit }))
    it(
      `is whole for ${name}, which finds one altered byte and one file gone`,
      async () => {
        const whole = await oracle(bundle);
        assert.isTrue(whole.ok, whole.text);
        const other = await oracle(altered((folder) => flipped(folder, "data/CLAIMS.json")));
        assert.isFalse(other.ok);
        assert.include(other.text, "data/CLAIMS.json");
        const gone = altered((folder) => fs.rmSync(path.join(folder, "data/README.md")));
        assert.isFalse((await oracle(gone)).ok);
      },
      2 * minutes,
    );

  it(
    "passes bagit, which finds files missing from the manifest",
    async () => {
      const more = altered((folder) => fs.writeFileSync(path.join(folder, "data/more"), ""));
      assert.isFalse((await bagit(more)).ok);
    },
    2 * minutes,
  );
});

interface Issue {
  readonly message: string;
  readonly check: { readonly identifier: string };
}

/** The profile's shapes go back to RO-Crate 1.1, whose one check that the version is 1.1 is left out. */
const profiles = {
  "ro-crate-1.2": [],
  "provenance-run-crate-0.5": ["--skip-checks", "ro-crate-1.1_5.3"],
} as const;

const issuesOf = async (
  folder: string,
  profile: keyof typeof profiles,
): Promise<ReadonlyArray<string>> => {
  const report = path.join(scratch, `${path.basename(folder)}-${profile}.json`);
  const cache = ["--offline", "--cache-path", path.join(scratch, "http")];
  const output = ["-f", "json", "-o", report, "--no-paging"];
  const what = ["--no-auto-profile", "-p", profile, "-l", "required", ...profiles[profile]];
  const args = ["-y", "validate", ...cache, ...output, ...what, path.join(folder, "data")];
  const { text } = await answerOf("command", "rocrate-validator", ...args);
  assert.isTrue(fs.existsSync(report), text);
  const { passed, issues } = JSON.parse(fs.readFileSync(report, "utf8")) as {
    readonly passed: boolean;
    readonly issues: ReadonlyArray<Issue>;
  };
  assert.strictEqual(passed, issues.length === 0);
  return issues.map(({ check, message }) => `${check.identifier}: ${message}`);
};

const crateFile = "data/ro-crate-metadata.json";

const editedCrate = (edit: (graph: Array<any>) => void): string =>
  edited(crateFile, (crate) => edit(crate["@graph"]));

const entityOf = (graph: ReadonlyArray<any>, id: string): any =>
  graph.find((entity) => entity["@id"] === id);

describe("the crate", () => {
  /**
   * A crate in which one of `every` source files is described. Their entities differ in names and digests only, and the
   * validator takes minutes for all.
   */
  const sampled = (every: number, edit: (graph: Array<any>) => void) =>
    editedCrate((graph) => {
      const isSource = (id: string) => id.startsWith("source/") && id !== "source/";
      const sources = graph.map((entity) => entity["@id"]).filter(isSource);
      const dropped = new Set(sources.filter((_, index) => index % every !== 0));
      for (const entity of graph)
        if (entity["@id"] === "source/")
          entity.hasPart = entity.hasPart.filter((part: any) => !dropped.has(part["@id"]));
        else if (dropped.has(entity.url?.["@id"])) entity.url = { "@id": "experiment.yaml" };
      graph.splice(0, graph.length, ...graph.filter((entity) => !dropped.has(entity["@id"])));
      edit(graph);
    });
  const small = (edit: (graph: Array<any>) => void) => sampled(100, edit);

  for (const profile of ["ro-crate-1.2", "provenance-run-crate-0.5"] as const)
    it(
      `has all that ${profile} requires`,
      async () => {
        const folder = isLong ? bundle : sampled(20, () => {});
        assert.deepStrictEqual(await issuesOf(folder, profile), []);
      },
      10 * minutes,
    );

  it(
    "fails ro-crate-1.2 without a licence or with a missing file",
    async () => {
      const folder = small((graph) => {
        const whole = entityOf(graph, "./");
        delete whole.license;
        whole.hasPart.push({ "@id": "nowhere.txt" });
        graph.push({ "@id": "nowhere.txt", "@type": "File", name: "nowhere" });
      });
      const issues = (await issuesOf(folder, "ro-crate-1.2")).join("\n");
      assert.match(issues, /MUST have a `license`/u);
      assert.match(issues, /does not include the Data Entity 'nowhere\.txt'/u);
    },
    5 * minutes,
  );

  it(
    "fails provenance-run-crate-0.5 without steps, tools, engine, language and profile",
    async () => {
      const folder = small((graph) => {
        delete entityOf(graph, "#control/cot").instrument;
        delete entityOf(graph, "#action/cot").instrument;
        delete entityOf(graph, "#orchestration").instrument;
        delete entityOf(graph, "experiment.yaml").programmingLanguage;
        delete entityOf(graph, "./").conformsTo;
      });
      const issues = (await issuesOf(folder, "provenance-run-crate-0.5")).join("\n");
      assert.match(issues, /ControlAction must reference a HowToStep/u);
      assert.match(issues, /The Action MUST have an instrument/u);
      assert.match(
        issues,
        /OrganizeAction must reference an entity representing the workflow engine/u,
      );
      assert.match(issues, /The Main Workflow must refer to its language/u);
      assert.match(issues, /permalink of the Provenance Run Crate/u);
    },
    5 * minutes,
  );

  it("names the licence of every file and the command that recreates the weights", () => {
    const graph: ReadonlyArray<any> = jsonIn(crateFile)["@graph"];
    const files = graph.filter((entity) => [entity["@type"]].flat().includes("File"));
    const there = files.filter((file) => !file["@id"].startsWith("#"));
    const paths = execFileSync("find", ["-type", "f", "-printf", "%P\\n"], {
      cwd: path.join(bundle, "data"),
      encoding: "utf8",
    });
    assert.deepStrictEqual(
      there.map((file) => decodeURIComponent(file["@id"])).toSorted(),
      paths
        .trimEnd()
        .split("\n")
        .filter((file) => file !== "ro-crate-metadata.json")
        .toSorted(),
    );
    for (const file of there) assert.isAbove(file.license.length, 0, file["@id"]);
    const left = files.filter((file) => file["@id"].startsWith("#"));
    assert.deepStrictEqual(
      left.map(({ name, contentSize }) => [name, contentSize]),
      [["model.safetensors", "10"]],
    );
    assert.match(left[0].description, /npx pipe run experiment\.yaml --only start/u);
  });

  it(
    "passes the bundle's own verifier",
    async () => {
      const { ok, text } = await program(process.execPath, ["data/verify.mjs"], bundle);
      assert.isTrue(ok, text);
    },
    2 * minutes,
  );

  it("holds no times and no machines", () => {
    const text = fs.readFileSync(path.join(bundle, crateFile), "utf8");
    assert.notMatch(text, /"(?:startTime|endTime|agent)"/u);
    assert.notInclude(text, os.hostname());
    assert.notInclude(text, os.tmpdir());
  });
});

const columns = ["id", "task", "query", "image", "ground_truth", "perception", "response"];

const validate = (folder: string) => {
  const args = ["validate", "--jsonld", path.join(folder, "data/croissant.json")];
  return answerOf("command", "mlcroissant", ...args);
};

describe("the data sets", () => {
  it(
    "load with datasets, and not when one is cut short",
    async () => {
      const place = path.join("data/artifacts", artifactOf("data"));
      const read = await valueOf("load_dataset", path.join(bundle, place));
      assert.deepStrictEqual(Object.keys(read).toSorted(), ["test", "train_sft"]);
      assert.deepStrictEqual([read.test.rows, read.train_sft.rows], [3, 6]);
      assert.deepStrictEqual(read.test.columns, columns);
      const other = altered((folder) => {
        const file = path.join(folder, place, "data/test-00000-of-00001.parquet");
        fs.truncateSync(file, fs.statSync(file).size - 100);
      });
      assert.isFalse((await answerOf("load_dataset", path.join(other, place))).ok);
    },
    5 * minutes,
  );

  it(
    "match croissant.json: mlcroissant reads the same records as datasets",
    async () => {
      const file = path.join(bundle, "data/croissant.json");
      const valid = await validate(bundle);
      assert.isTrue(valid.ok, valid.text);
      assert.notMatch(valid.text, /error/iu);
      const records = await valueOf("read_croissant", file);
      const digest = artifactOf("data").slice(0, 12);
      const { test } = await valueOf(
        "load_dataset",
        path.join(bundle, "data/artifacts", artifactOf("data")),
      );
      assert.deepStrictEqual(records[`dataset-${digest}/test`], test);
      assert.strictEqual(Object.keys(records).length, 3);
    },
    5 * minutes,
  );

  it(
    "fail mlcroissant if a file is undescribed or changed",
    async () => {
      const dangling = edited("data/croissant.json", ({ distribution }) => distribution.pop());
      assert.isFalse((await validate(dangling)).ok);
      const other = edited("data/croissant.json", ({ distribution }) => {
        for (const file of distribution) file.sha256 = "0".repeat(64);
      });
      const read = await answerOf("read_croissant", path.join(other, "data/croissant.json"));
      assert.isFalse(read.ok);
      assert.match(read.text, /hash/iu);
    },
    5 * minutes,
  );
});

describe("cards", () => {
  it(
    "load with the Hub's library, with licences and origins",
    async () => {
      const card = (kind: string, node: string) =>
        path.join(bundle, `data/cards/${kind}-${artifactOf(node).slice(0, 12)}.md`);
      const model = await valueOf("read_card", card("model", "start"));
      assert.strictEqual(model.data.license, "apache-2.0");
      const dataset = await valueOf("read_card", card("dataset", "data"));
      assert.strictEqual(dataset.data.license, "cc0-1.0");
      const broken = path.join(scratch, "broken.md");
      fs.writeFileSync(broken, "---\nlicense: [\n---\n");
      assert.isFalse((await answerOf("read_card", broken)).ok);
    },
    2 * minutes,
  );
});
