/**
 * Data sets, models and bundles are pushed to a Hub in one commit, and Python's libraries read them. The loopback Hub is held
 * against Python's `huggingface_hub`, which writes to it too.
 */
import { assert, describe, it } from "@effect/vitest";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ensurePython } from "../../executors/PythonEnvironment.ts";
import { root } from "../../schemas/root.ts";
import { pipeEnvironment } from "../../stages/environments.ts";
import { inCopies, type Rig } from "../rig/Rig.ts";
import { HubServer, token } from "./HubServer.ts";

const minutes = 60_000;
const repo = "tester/pushed";

const study = `
name: study
stages:
  data:
    use: render
    with: { task: { kind: graph-coloring, vertices: 5 }, image: { size: 32 }, splits: { test: 8, train_sft: 6 } }
  cot: { use: distill, from: { data: data } }
  model: { use: sft, from: { data: cot }, with: { steps: 2, batch: 4 } }
  theirs: { use: pretrained, with: { path: theirs } }
`;

const address = "jo.doe@uni-somewhere.edu";

/** A model that others wrote, with an address in one of its files. */
const writeTheirs = (rig: Rig): void => {
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: "F32", shape: [10], data_offsets: [0, 40] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  rig.write("theirs/config.json", JSON.stringify({ model_type: "small" }));
  rig.write("theirs/tokenizer.json", "{}");
  rig.write("theirs/NOTICE", `Questions to ${address}\n`);
  const weights = Buffer.concat([length, header, Buffer.alloc(40, 7)]);
  fs.writeFileSync(rig.path("theirs/model.safetensors"), weights);
};

const inStudy = inCopies(async (rig) => {
  writeTheirs(rig);
  rig.write("study.yaml", study);
  const { code, stderr } = await rig.pipe("run", "study.yaml");
  assert.strictEqual(code, 0, stderr);
});

class Pushing {
  readonly rig: Rig;
  readonly hub: HubServer;
  readonly environment: Readonly<Record<string, string>>;

  constructor(rig: Rig, hub: HubServer) {
    this.rig = rig;
    this.hub = hub;
    this.environment = {
      HF_ENDPOINT: hub.url,
      HF_HOME: rig.path("hf"),
      HF_TOKEN: token,
      HF_HUB_DISABLE_XET: "1",
    };
  }

  /** Its standard output and errors, without the token in any of them. */
  async push(code: number, ...args: ReadonlyArray<string>): Promise<string> {
    const ended = await this.rig.start(["push", ...args, "--to", repo], this.environment).ended;
    const output = ended.stdout + ended.stderr;
    assert.strictEqual(ended.code, code, output);
    assert.notInclude(output, token);
    assert.notInclude(output, "signature=");
    assert.deepStrictEqual(this.hub.tokensElsewhere, []);
    return output;
  }

  get commits(): number {
    return this.hub.repository?.commits.length ?? 0;
  }

  get uploads(): number {
    return this.hub.requests.filter((request) => request.startsWith("PUT large")).length;
  }

  get paths(): ReadonlyArray<string> {
    return [...(this.hub.repository?.head.files.keys() ?? [])].toSorted();
  }

  text(file: string): string {
    return this.hub.repository!.head.files.get(file)!.bytes.toString();
  }

  async python(script: string): Promise<string> {
    // `datasets` is in the tests' lock alone.
    const locks = [...pipeEnvironment.locks, path.join(root, "trainers/requirements-test.lock")];
    const { python } = await ensurePython({ ...pipeEnvironment, locks }, () => {});
    const env = { ...this.environment, PATH: process.env["PATH"] ?? "" };
    return (await promisify(execFile)(python, ["-c", script], { env })).stdout.trim();
  }
}

const pushing = (
  type: "dataset" | "model",
  test: (pushing: Pushing) => Promise<void>,
): (() => Promise<void>) =>
  inStudy(async (rig) => {
    const hub = new HubServer(type, repo);
    await hub.listen();
    try {
      await test(new Pushing(rig, hub));
    } finally {
      hub.close();
    }
  });

const dataFiles = ["data/test-00000-of-00001.parquet", "data/train_sft-00000-of-00001.parquet"];

/** A commit of somebody else. */
const commitFile = (hub: HubServer, name: string): void => {
  const value = { path: name, content: "", encoding: "base64" };
  hub.repository!.commit([
    { key: "header", value: { summary: `add ${name}` } },
    { key: "file", value },
  ]);
};

describe("a data set", () => {
  it(
    "arrives in one commit, as `load_dataset` reads it, and is not committed again",
    pushing("dataset", async (pushing) => {
      assert.include(
        await pushing.push(0, "data", "--dry-run"),
        "would create the public data set",
      );
      assert.strictEqual(pushing.hub.repository, undefined);
      await pushing.push(0, "study-1/data");
      assert.strictEqual(pushing.commits, 2);
      assert.includeMembers([...pushing.paths], [...dataFiles, "README.md"]);
      assert.match(pushing.text("README.md"), /^---\nlicense: cc0-1\.0\n/u);
      const read = await pushing.python(
        `from datasets import load_dataset; rows = load_dataset("${repo}"); first = rows["test"][0]
print({split: len(rows[split]) for split in rows}, first["image"].size, first["ground_truth"][:5])`,
      );
      assert.strictEqual(read, `{'test': 8, 'train_sft': 6} (32, 32) {"v":`);
      assert.include(await pushing.push(0, "data"), "nothing new");
      assert.strictEqual(pushing.commits, 2);
    }),
    5 * minutes,
  );

  it(
    "takes the place of an older one and leaves the files of others",
    pushing("dataset", async (pushing) => {
      await pushing.push(0, "data");
      commitFile(pushing.hub, "NOTES.md");
      const plan = await pushing.push(0, "cot", "--dry-run");
      assert.match(plan, /- .*data\/test-00000-of-00001\.parquet/u);
      assert.match(plan, /~ .*data\/train_sft-00000-of-00001\.parquet/u);
      await pushing.push(0, "cot", "--message", "Only transcripts");
      assert.deepStrictEqual(pushing.paths, [
        ".gitattributes",
        "NOTES.md",
        "README.md",
        dataFiles[1]!,
      ]);
      assert.strictEqual(pushing.hub.repository!.head.summary, "Only transcripts");
    }),
    3 * minutes,
  );

  it(
    "is refused where somebody else committed meanwhile",
    pushing("dataset", async (pushing) => {
      const { hub } = pushing;
      await pushing.push(0, "data");
      const parent = hub.repository!.head.oid;
      hub.beforeCommit = () => {
        hub.beforeCommit = () => {};
        commitFile(hub, "NOTES.md");
      };
      assert.include(await pushing.push(1, "cot"), "somebody else committed");
      const count = hub.requests.length;
      const refused = await pushing.push(1, "cot", "--parent", parent);
      const now = hub.repository!.head.oid.slice(0, 12);
      assert.include(refused, `--parent ${now}`);
      assert.isTrue(hub.requests.slice(count).every((request) => request.startsWith("GET")));
      await pushing.push(0, "cot", "--parent", now);
      assert.strictEqual(pushing.commits, 4);
    }),
    3 * minutes,
  );

  it(
    "continues where an upload broke off, in this push or the one before, whole or in parts",
    pushing("dataset", async (pushing) => {
      const { hub } = pushing;
      hub.room = 1;
      hub.brokenUploads = 1;
      assert.include(await pushing.push(1, "data"), "the host of large files does not take");
      assert.strictEqual(pushing.commits, 1);
      hub.room = Number.POSITIVE_INFINITY;
      hub.partBytes = 1000;
      hub.lostAnswers = 1;
      const before = pushing.uploads;
      await pushing.push(0, "data");
      assert.strictEqual(pushing.commits, 2);
      const missing = dataFiles.map((name) => hub.repository!.head.files.get(name)!.bytes.length);
      const parts = missing.map((size) => Math.ceil(size / hub.partBytes));
      assert.include(parts, pushing.uploads - before);
    }),
    3 * minutes,
  );

  it(
    "stays here without a token, online, rights or privacy",
    pushing("dataset", async (pushing) => {
      const says = async (code: number, more: Readonly<Record<string, string>>, text: string) => {
        const args = ["push", "data", "--to", "others/data"];
        const ended = await pushing.rig.start(args, { ...pushing.environment, ...more }).ended;
        assert.strictEqual(ended.code, code, ended.stderr);
        assert.include(ended.stderr, text);
      };
      await says(2, { HF_TOKEN: "" }, "there is no token");
      await says(2, { HF_HUB_OFFLINE: "1" }, "HF_HUB_OFFLINE forbids");
      await says(1, { HF_TOKEN: "hf_another" }, "does not accept the token");
      await says(1, {}, "may not write others/data");
      await pushing.push(0, "data");
      assert.include(await pushing.push(2, "cot", "--private"), "exists and is public");
      assert.include(
        await pushing.push(2, "data", "--parent", "main"),
        "7 to 40 hexadecimal digits",
      );
      assert.strictEqual(pushing.commits, 2);
    }),
    3 * minutes,
  );
});

describe("a model", () => {
  it(
    "arrives as `from_pretrained` reads it, marked as micro",
    pushing("model", async (pushing) => {
      await pushing.push(0, "model", "--private");
      assert.isTrue(pushing.hub.repository!.isPrivate);
      assert.match(pushing.text("README.md"), /license: mit\n[^]*micro-model[^]*# MICRO MODEL/u);
      const read = await pushing.python(
        `from transformers import AutoModelForImageTextToText, AutoProcessor
model, processor = (of.from_pretrained("${repo}") for of in (AutoModelForImageTextToText, AutoProcessor))
print(type(model).__name__, len(processor.tokenizer) > 0)`,
      );
      assert.strictEqual(read, "Qwen3VLForConditionalGeneration True");
    }),
    5 * minutes,
  );

  it(
    "of others needs a licence, and a reason for what the scan finds, before anything is sent",
    pushing("model", async (pushing) => {
      const { hub } = pushing;
      assert.include(await pushing.push(2, "theirs"), "--license ID");
      const found = await pushing.push(2, "theirs", "--license", "Apache-2.0");
      assert.include(found, "NOTICE");
      assert.notInclude(found, address);
      assert.deepStrictEqual(hub.requests, []);
      const id = /--allow '([\da-f]{12})=REASON'/u.exec(found)![1]!;
      await pushing.push(0, "theirs", "--license", "Apache-2.0", "--allow", `${id}=they print it`);
      assert.match(
        pushing.text("README.md"),
        /license: apache-2\.0\n[^]*micro-model[^]*Micro model/u,
      );
      assert.include(hub.repository!.head.description, "they print it");
    }),
    3 * minutes,
  );
});

describe("a bundle", () => {
  it(
    "arrives in a folder that verifies after a download; a damaged one does not leave",
    pushing("dataset", async (pushing) => {
      const { rig } = pushing;
      rig.write(
        "small.yaml",
        study.replace("name: study", "name: small").replace(/ {2}model:[^]*/u, ""),
      );
      assert.strictEqual((await rig.pipe("run", "small.yaml")).code, 0);
      const packed = await rig.pipe("bundle", "small-1", "--to", "small.tar.gz");
      assert.strictEqual(packed.code, 0, packed.stderr);
      await pushing.push(0, "small.tar.gz");
      const [top] = pushing.paths.find((name) => name.endsWith("/bagit.txt"))!.split("/");
      const local = rig.path("published");
      await pushing.python(
        `from huggingface_hub import snapshot_download; snapshot_download("${repo}", repo_type="dataset", local_dir="${local}")`,
      );
      const verified = await rig.pipe("verify", path.join(local, top!));
      assert.strictEqual(verified.code, 0, verified.stdout + verified.stderr);
      fs.appendFileSync(path.join(local, top!, "data/README.md"), "more");
      assert.include(await pushing.push(2, path.join(local, top!)), "the bundle is damaged");
    }),
    5 * minutes,
  );
});

describe("the loopback Hub", () => {
  it(
    "is what Python's client expects, which writes the same files",
    pushing("dataset", async (pushing) => {
      const { rig, hub } = pushing;
      assert.strictEqual((await rig.pipe("export", "data", "exported")).code, 0);
      hub.partBytes = 10_000;
      const read = await pushing.python(
        `from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError
api = HfApi()
api.create_repo("${repo}", repo_type="dataset", private=True)
api.create_repo("${repo}", repo_type="dataset", exist_ok=True)
first = api.repo_info("${repo}", repo_type="dataset")
upload = lambda **more: api.upload_folder(repo_id="${repo}", repo_type="dataset", folder_path="${rig.path("exported")}", **more)
one, two = upload(), upload()
try:
    api.delete_file("README.md", "${repo}", repo_type="dataset", parent_commit=first.sha)
except HfHubHTTPError as error:
    print(error.response.status_code, one.oid == two.oid, first.private)
snapshot_download("${repo}", repo_type="dataset", local_dir="${rig.path("back")}")`,
      );
      assert.strictEqual(read, "412 True True");
      for (const name of dataFiles)
        assert.deepStrictEqual(
          fs.readFileSync(rig.path("back", name)),
          fs.readFileSync(rig.path("exported", name)),
        );
      const plan = await pushing.push(0, "data", "--dry-run");
      assert.include(plan, "would commit 1 change");
      assert.match(plan, /~ .*README\.md/u);
    }),
    5 * minutes,
  );
});
