/**
 * Bundles held against programs that know nothing of us: BagIt's own library, `sha512sum`, the RO-Crate validator, Croissant's library and the
 * Hub's. Each is shown to fail on something wrong, too. Nothing here reaches the network: the context that the validator
 * asks for, https://w3id.org/ro/crate/1.2/context as it was published (CC0), lies beside this file.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest";
import { execFile, execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ensurePython } from "../../executors/PythonEnvironment.ts";
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
  delete process.env["PIPE_PYTHON"];
  const lock = path.join(import.meta.dirname, "requirements.lock");
  ({ python } = await ensurePython([lock], () => undefined));
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
  await ask("seed_context", path.join(scratch, "http"), context);
}, 15 * minutes);

afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

interface Said {
  readonly ok: boolean;
  readonly text: string;
}

// An address where nobody listens: whoever asks the network is refused at once.
const nowhere = "http://127.0.0.1:9";

const said = async (program: string, args: ReadonlyArray<string>, cwd = scratch): Promise<Said> => {
  const env = {
    ...process.env,
    http_proxy: nowhere,
    https_proxy: nowhere,
    HF_HUB_OFFLINE: "1",
    HF_HOME: path.join(scratch, "hub"),
    TMPDIR: scratch,
    XDG_CACHE_HOME: path.join(scratch, "cache"),
    COLUMNS: "200",
  };
  const options = { cwd, env, maxBuffer: 1 << 26 };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], options);
    return { ok: true, text: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return { ok: false, text: stdout + stderr };
  }
};

const asked = (what: string, ...args: ReadonlyArray<string>): Promise<Said> =>
  said(python, [path.join(import.meta.dirname, "oracle.py"), what, ...args]);

const ask = async (what: string, ...args: ReadonlyArray<string>): Promise<any> => {
  const { ok, text } = await asked(what, ...args);
  assert.isTrue(ok, text);
  return JSON.parse(text.split("\n").find((line) => /^["{]/u.test(line)) ?? "");
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
    said("sha512sum", ["--strict", "--quiet", "-c", "manifest-sha512.txt"], folder);
  const bagit = (folder: string) => said(python, ["-m", "bagit", "--validate", folder]);

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
    "has nothing that bagit finds beside the manifest",
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
  const { text } = await said(path.join(path.dirname(python), "rocrate-validator"), args);
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
  for (const profile of ["ro-crate-1.2", "provenance-run-crate-0.5"] as const)
    it(
      `has all that ${profile} requires`,
      async () => assert.deepStrictEqual(await issuesOf(bundle, profile), []),
      10 * minutes,
    );

  // Most of the files are only here to be described: what is wrong with actions is found without them.
  const small = (edit: (graph: Array<any>) => void) =>
    editedCrate((graph) => {
      const isSource = (id: string) => id.startsWith("source/") && id !== "source/";
      for (const entity of graph)
        if (entity["@id"] === "source/") entity.hasPart = [];
        else if (isSource(entity.url?.["@id"] ?? "")) entity.url = { "@id": "experiment.yaml" };
      graph.splice(0, graph.length, ...graph.filter((entity) => !isSource(entity["@id"])));
      edit(graph);
    });

  it(
    "is refused by ro-crate-1.2 without a licence, and with a file that is not there",
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
    "is refused by provenance-run-crate-0.5 with steps, tools, engine, language and profile missing",
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

  it("tells of every file with its terms, and of the weights that are left out how to make them", () => {
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
    "is what the bundle's own verifier takes for whole",
    async () => {
      const { ok, text } = await said(process.execPath, ["data/verify.mjs"], bundle);
      assert.isTrue(ok, text);
    },
    2 * minutes,
  );

  it("says nothing of when or where", () => {
    const text = fs.readFileSync(path.join(bundle, crateFile), "utf8");
    assert.notMatch(text, /"(?:startTime|endTime|agent)"/u);
    assert.notInclude(text, os.hostname());
    assert.notInclude(text, os.tmpdir());
  });
});

const columns = ["id", "task", "query", "image", "ground_truth", "perception", "response"];

const validate = (folder: string) => {
  const args = ["validate", "--jsonld", path.join(folder, "data/croissant.json")];
  return said(path.join(path.dirname(python), "mlcroissant"), args);
};

describe("the data sets", () => {
  it(
    "are read by datasets, and not when one is cut short",
    async () => {
      const place = path.join("data/artifacts", artifactOf("data"));
      const read = await ask("load_dataset", path.join(bundle, place));
      assert.deepStrictEqual(Object.keys(read).toSorted(), ["test", "train_sft"]);
      assert.deepStrictEqual([read.test.rows, read.train_sft.rows], [3, 6]);
      assert.deepStrictEqual(read.test.columns, columns);
      const other = altered((folder) => {
        const file = path.join(folder, place, "data/test-00000-of-00001.parquet");
        fs.truncateSync(file, fs.statSync(file).size - 100);
      });
      assert.isFalse((await asked("load_dataset", path.join(other, place))).ok);
    },
    5 * minutes,
  );

  it(
    "are what croissant.json says: mlcroissant reads the same records as datasets",
    async () => {
      const file = path.join(bundle, "data/croissant.json");
      const valid = await validate(bundle);
      assert.isTrue(valid.ok, valid.text);
      assert.notMatch(valid.text, /error/iu);
      const records = await ask("read_croissant", file);
      const digest = artifactOf("data").slice(0, 12);
      const { test } = await ask(
        "load_dataset",
        path.join(bundle, "data/artifacts", artifactOf("data")),
      );
      assert.deepStrictEqual(records[`dataset-${digest}/test`], test);
      assert.strictEqual(Object.keys(records).length, 3);
    },
    5 * minutes,
  );

  it(
    "are refused by mlcroissant where a file is spoken of that is not described, or is another",
    async () => {
      const dangling = edited("data/croissant.json", ({ distribution }) => distribution.pop());
      assert.isFalse((await validate(dangling)).ok);
      const other = edited("data/croissant.json", ({ distribution }) => {
        for (const file of distribution) file.sha256 = "0".repeat(64);
      });
      const read = await asked("read_croissant", path.join(other, "data/croissant.json"));
      assert.isFalse(read.ok);
      assert.match(read.text, /hash/iu);
    },
    5 * minutes,
  );
});

describe("cards", () => {
  it(
    "are read by the Hub's library, with licences and origins",
    async () => {
      const card = (kind: string, node: string) =>
        path.join(bundle, `data/cards/${kind}-${artifactOf(node).slice(0, 12)}.md`);
      const model = await ask("read_card", card("model", "start"));
      assert.strictEqual(model.data.license, "apache-2.0");
      const dataset = await ask("read_card", card("dataset", "data"));
      assert.strictEqual(dataset.data.license, "cc0-1.0");
      const broken = path.join(scratch, "broken.md");
      fs.writeFileSync(broken, "---\nlicense: [\n---\n");
      assert.isFalse((await asked("read_card", broken)).ok);
    },
    2 * minutes,
  );
});
