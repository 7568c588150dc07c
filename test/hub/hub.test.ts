/** A published data set and a model come from a Hub: broken off, resumed, verified, read offline, and shared with Python's library. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { execFile, execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ensurePython } from "../../executors/PythonEnvironment.ts";
import { type DatasetRow, eachRow } from "../../kinds/Dataset.ts";
import { pipeEnvironment } from "../../stages/environments.ts";
import { inCopies, jsonLines, type Rig } from "../rig/Rig.ts";
import { commit, HubServer, token } from "./HubServer.ts";

const repo = "tester/published";

const rendering = `
name: rendering
stages:
  data:
    use: render
    with: { task: { kind: graph-coloring, vertices: 5 }, image: { size: 64 }, splits: { test: 8, train_sft: 6 } }
  cot: { use: distill, from: { data: data } }
`;

const study = `
name: study
stages:
  theirs:
    use: hub-dataset
    with: { repo: ${repo}, revision: ${commit}, task: graph-coloring, query: rewritten }
  cot: { use: distill, from: { data: theirs }, with: { teacher: { kind: published } } }
`;

const directoryOf = async (rig: Rig, node: string): Promise<string> => {
  const { stdout, stderr } = await rig.pipe("show", "--json", node);
  assert.notStrictEqual(stdout, "", stderr);
  return (JSON.parse(stdout) as { readonly directory: string }).directory;
};

const python = async (): Promise<string> => (await ensurePython(pipeEnvironment, () => {})).python;

/** `theirs/` is a data set as others publish it: the rendered test rows, and transcripts as train_sft. */
const inPublished = inCopies(async (rig) => {
  rig.write("rendering.yaml", rendering);
  const { code, stderr } = await rig.pipe("run", "rendering.yaml");
  assert.strictEqual(code, 0, stderr);
  fs.cpSync(await directoryOf(rig, "data"), rig.path("rendered"), { recursive: true });
  fs.cpSync(await directoryOf(rig, "cot"), rig.path("rendered"), { recursive: true, force: true });
  await publish(rig);
});

const publish = async (rig: Rig, ...how: ReadonlyArray<string>): Promise<void> => {
  const program = path.join(import.meta.dirname, "publish.py");
  execFileSync(await python(), [program, rig.path("rendered"), rig.path("theirs"), ...how], {
    env: { HF_HOME: rig.path("unused"), HF_HUB_OFFLINE: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
};

const withHub =
  (
    type: "dataset" | "model",
    test: (
      rig: Rig,
      hub: HubServer,
      environment: Readonly<Record<string, string>>,
    ) => Promise<void>,
  ) =>
  async (rig: Rig): Promise<void> => {
    const hub = new HubServer(type, repo, rig.path("theirs"));
    await hub.listen();
    rig.write("study.yaml", study);
    try {
      await test(rig, hub, { HF_ENDPOINT: hub.url, HF_HOME: rig.path("hf") });
    } finally {
      hub.close();
    }
  };

const rowsOf = async (directory: string, split: string): Promise<ReadonlyArray<DatasetRow>> => {
  const rows: Array<DatasetRow> = [];
  await Effect.runPromise(
    eachRow(directory, split, { images: true }, (row) => void rows.push(row)),
  );
  return rows;
};

const runs = async (
  rig: Rig,
  environment: Readonly<Record<string, string>>,
  ...more: ReadonlyArray<string>
): Promise<string> => {
  const { code, stdout, stderr } = await rig.start(["run", "study.yaml", ...more], environment)
    .ended;
  assert.strictEqual(code, 0, stderr);
  return stdout + stderr;
};

describe("a data set of the Hub", () => {
  it(
    "comes with its rows checked by the solver, and those that it contradicts are listed",
    inPublished(
      withHub("dataset", async (rig, hub, environment) => {
        const output = await runs(rig, environment);
        assert.include(output, "contradicts 2 ground truths");
        const directory = await directoryOf(rig, "theirs");
        const disagreements = jsonLines(
          fs.readFileSync(path.join(directory, "disagreements.jsonl"), "utf8"),
        );
        assert.deepStrictEqual(
          disagreements.map(({ split, row, reason }) => [split, row, reason]),
          [
            ["test", 1, '"c" is 1, but the chromatic number is 2'],
            ["test", 4, "the ground truth is not JSON"],
          ],
        );
        const rendered = await rowsOf(rig.path("rendered"), "test");
        const expected = rendered.filter((_, index) => index !== 1 && index !== 4);
        assert.deepStrictEqual(await rowsOf(directory, "test"), expected);
        const taught = await rowsOf(await directoryOf(rig, "cot"), "train_sft");
        assert.deepStrictEqual(taught, await rowsOf(rig.path("rendered"), "train_sft"));
        assert.isTrue(hub.requests.every((request) => !request.includes("extra.txt")));
      }),
    ),
  );

  it(
    "of unusual types, order and further columns gives the same rows",
    inPublished(async (rig) => {
      fs.rmSync(rig.path("theirs"), { recursive: true });
      await publish(rig, "oddly");
      await withHub("dataset", async (_, __, environment) => {
        const chats = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(chats.code, 1);
        assert.include(chats.stderr, "has no column query, image, ground_truth: it has chats");
        const only = ["--only", "theirs", "--set", "theirs.splits=[test]"];
        const output = await runs(rig, environment, ...only);
        assert.include(output, "contradicts 1 ground truths");
        const directory = await directoryOf(rig, "theirs");
        const listed = fs.readFileSync(path.join(directory, "disagreements.jsonl"), "utf8");
        assert.match(listed, /"row":2,.*"ground_truth":\{"v":5,"c":\d,"edges":\[\[\d,\d\],/u);
        const rendered = await rowsOf(rig.path("rendered"), "test");
        const expected = rendered.filter((_row, index) => index !== 2);
        assert.deepStrictEqual(await rowsOf(directory, "test"), expected);
      })(rig);
    }),
  );

  it(
    "continues a download that broke off, and waits when the Hub says so",
    inPublished(
      withHub("dataset", async (rig, hub, environment) => {
        hub.cuts = { after: 2000, times: 1 };
        hub.busy = 1;
        hub.needsToken = true;
        const output = await runs(rig, { ...environment, HF_TOKEN: token });
        const ranges = hub.requests.filter((request) => request.startsWith("GET large"));
        assert.strictEqual(ranges.length, 4, hub.requests.join("\n"));
        assert.include(ranges, "GET large bytes=2000-");
        assert.include(output, "429");
        assert.notInclude(output, token);
        assert.deepStrictEqual(hub.tokensElsewhere, []);
      }),
    ),
  );

  it(
    "is fetched again where its bytes have another hash, and refused the second time",
    inPublished(
      withHub("dataset", async (rig, hub, environment) => {
        hub.damaged = 8;
        const refused = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(refused.code, 1);
        assert.include(refused.stderr, "came twice with another content than its hash");
        hub.damaged = 1;
        await runs(rig, environment);
      }),
    ),
  );

  it(
    "is read from the cache without the Hub, after a check of its hash",
    inPublished(
      withHub("dataset", async (rig, hub, environment) => {
        const offline = { ...environment, HF_HUB_OFFLINE: "1" };
        const absent = await rig.start(["run", "study.yaml"], offline).ended;
        assert.strictEqual(absent.code, 1);
        assert.include(absent.stderr, "HF_HUB_OFFLINE forbids a download");
        assert.deepStrictEqual(hub.requests, []);
        await runs(rig, environment);
        const count = hub.requests.length;
        await runs(rig, offline, "--force", "theirs");
        assert.strictEqual(hub.requests.length, count);
        const blobs = rig.path("hf/hub/datasets--tester--published/blobs");
        const blob = path.join(blobs, fs.readdirSync(blobs)[0]!);
        fs.writeFileSync(blob, fs.readFileSync(blob).fill(0, 100, 110));
        const damaged = await rig.start(["run", "study.yaml", "--force", "theirs"], offline).ended;
        assert.strictEqual(damaged.code, 1);
        assert.include(damaged.stderr, "damaged in the cache");
        await runs(rig, environment, "--force", "theirs");
      }),
    ),
  );

  it(
    "is in the cache as Python's huggingface_hub leaves it, which accepts our server",
    inPublished(
      withHub("dataset", async (rig, hub, environment) => {
        const env = { ...environment, HF_HUB_DISABLE_XET: "1" };
        const source = `"${repo}", repo_type="dataset", revision="${commit}"`;
        const says = async (expression: string, more: Readonly<Record<string, string>> = {}) => {
          const script = `from huggingface_hub import hf_hub_download, snapshot_download; print(${expression})`;
          const options = { env: { ...env, ...more } };
          return (await promisify(execFile)(await python(), ["-c", script], options)).stdout.trim();
        };
        await runs(rig, environment);
        const name = "data/test-00001-of-00002.parquet";
        const offline = `hf_hub_download(${source}, filename="${name}")`;
        const ours = await says(offline, { HF_HUB_OFFLINE: "1" });
        assert.isTrue(ours.endsWith(`snapshots/${commit}/${name}`), ours);

        fs.rmSync(rig.path("hf"), { recursive: true });
        const theirs = await says(`snapshot_download(${source}, allow_patterns="data/*.parquet")`);
        assert.strictEqual(fs.readdirSync(path.join(theirs, "data")).length, 3);
        const count = hub.requests.length;
        await runs(rig, { ...environment, HF_HUB_OFFLINE: "1" }, "--force", "theirs");
        assert.strictEqual(hub.requests.length, count);
      }),
    ),
  );

  it(
    "downloads the content of equal files once",
    inPublished(async (rig) => {
      const shard = (number: string) => rig.path(`theirs/data/test-${number}-of-00002.parquet`);
      fs.copyFileSync(shard("00000"), shard("00001"));
      await withHub("dataset", async (_, hub, environment) => {
        await runs(rig, environment);
        const downloads = hub.requests.filter((request) => request.startsWith("GET large"));
        assert.strictEqual(downloads.length, 2, hub.requests.join("\n"));
      })(rig);
      const rows = await rowsOf(await directoryOf(rig, "theirs"), "test");
      const truths = rows.map(({ ground_truth }) => ground_truth);
      assert.deepStrictEqual(truths.slice(0, truths.length / 2), truths.slice(truths.length / 2));
    }),
  );

  it(
    "needs every shard of a split, and shards of one count",
    inPublished(async (rig) => {
      const shard = (total: string) => rig.path(`theirs/data/test-00000-of-${total}.parquet`);
      const refusedFor = (reason: string) =>
        withHub("dataset", async (_, __, environment) => {
          const { code, stderr } = await rig.start(["run", "study.yaml"], environment).ended;
          assert.strictEqual(code, 1);
          assert.include(stderr, reason, stderr);
        })(rig);
      fs.copyFileSync(shard("00002"), shard("00001"));
      await refusedFor(
        "tester/published has shards of 1 and of 2: data/test-00000-of-00001.parquet, data/test-00001-of-00002.parquet",
      );
      fs.rmSync(shard("00001"));
      fs.rmSync(shard("00002"));
      await refusedFor("tester/published lacks data/test-00000-of-00002.parquet");
    }),
  );

  it(
    "needs a whole commit, an existing repository and its columns",
    inPublished(
      withHub("dataset", async (rig, _, environment) => {
        rig.write("study.yaml", study.replace(commit, "main").replace(repo, "no-owner"));
        const loose = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(loose.code, 2);
        assert.include(loose.stderr, "a whole commit, 40 hexadecimal digits");
        assert.include(loose.stderr, "`owner/name`");
        rig.write("study.yaml", study.replace(repo, "tester/absent"));
        const absent = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(absent.code, 1);
        assert.include(absent.stderr, "there is no dataset tester/absent");
        rig.write("study.yaml", study.replace("graph-coloring", "sudoku"));
        const other = await rig.start(["run", "study.yaml"], environment).ended;
        assert.strictEqual(other.code, 1);
        assert.include(other.stderr, "is an instance of sudoku");
      }),
    ),
  );
});
