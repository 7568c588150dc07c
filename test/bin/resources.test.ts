/** Resources of nodes: they limit concurrency, are refused where the machine has less, and enter no key. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { machineCapacity } from "../../executors/machineCapacity.ts";
import { gpuLeases } from "../../executors/Supervisor.ts";
import { inRig, puppet, type Rig } from "../rig/Rig.ts";

const nvidiaSmi = path.join(import.meta.dirname, "../executors/programs/nvidia-smi");

const halfServed = `name: e
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 6 }, splits: { test: 2 } } }
  theirs: { use: pretrained, with: { path: theirs } }
  answers:
    use: generate
    from: { model: theirs, data: data }
    resources: { gpus: 0.5 }
    with: { mode: end-to-end, engine: vllm, max_tokens: 9 }
  part: { use: command, resources: { gpus: 0.25 }, with: { run: "echo $PIPE_GPU_SHARE > {out}/share" } }
`;

/** Is at work until `together` puppets have begun, and a little longer, so that one too many would show. */
const busy = (together: number): string =>
  `echo + >> busy; while [ $(grep -c + busy) -lt ${together} ]; do sleep 0.02; done; sleep 0.15; echo - >> busy`;

const sweep = (resources: string, together = 1) => `name: e
axes: { x: [1, 2, 3, 4, 5, 6] }
stages:
  a: { use: command, resources: ${resources}, with: { run: ${puppet("a${x}", { does: busy(together) })} } }
`;

/** The largest number of puppets that ran at once. */
const most = (rig: Rig): number => {
  let depth = 0;
  return Math.max(
    ...rig
      .read("busy")
      .trim()
      .split("\n")
      .map((sign) => (depth += sign === "+" ? 1 : -1)),
  );
};

const run = async (rig: Rig, ...flags: ReadonlyArray<string>) => {
  const { code, stderr } = await rig.pipe("run", "e.yaml", ...flags);
  assert.strictEqual(code, 0, stderr);
  return rig.newCalls();
};

describe("nodes run concurrently", () => {
  it(
    "within the processors",
    inRig(async (rig) => {
      rig.write("e.yaml", sweep("{ cpus: 2 }", 2));
      await run(rig, "-j", "4");
      assert.strictEqual(most(rig), 2);
    }),
  );

  it(
    "within the memory",
    inRig(async (rig) => {
      const { memory } = await Effect.runPromise(machineCapacity(false));
      const share = memory * 0.4;
      rig.write("e.yaml", sweep(`{ memory: ${Math.floor(share / 1e6)} MB }`, 2));
      await run(rig, "-j", "6");
      assert.strictEqual(most(rig), 2);
    }),
  );

  it(
    "one at a time where each demands more processors than there are slots",
    inRig(async (rig) => {
      rig.write("e.yaml", sweep("{ cpus: 64 }"));
      await run(rig, "-j", "2");
      assert.strictEqual(most(rig), 1);
    }),
  );
});

it(
  "resources and retries enter no key",
  inRig(async (rig) => {
    rig.write("e.yaml", sweep("{}"));
    assert.strictEqual((await run(rig)).length, 6);
    rig.write("e.yaml", sweep("{ cpus: 2, memory: 1 MB }, retry: { times: 5, exit_codes: [7] }"));
    assert.deepStrictEqual(await run(rig), []);
  }),
);

it(
  "half a GPU gives vLLM's server half of its memory, and tells a command its part",
  inRig(async (rig) => {
    const gpu = `GPU-${path.basename(rig.temporary)}`;
    rig.write("bin/gpus.csv", `0, ${gpu}, 0, [N/A]\n`);
    rig.write("bin/apps.csv", "");
    fs.copyFileSync(nvidiaSmi, rig.path("bin/nvidia-smi"));
    rig.write("theirs/config.json", '{ "model_type": "qwen3_vl" }');
    rig.write("theirs/model.safetensors", "\u0002\0\0\0\0\0\0\0{}");
    rig.write("e.yaml", halfServed);
    const python = execFileSync("sh", ["-c", "command -v python3"], { encoding: "utf8" }).trim();
    const { code, stderr } = await rig.start(["run", "e.yaml"], {
      PATH: `${rig.path("bin")}:${process.env["PATH"]}`,
      PIPE_PYTHON_VLLM: python,
    }).ended;
    for (const lock of fs.globSync(`${gpuLeases}/${gpu}.*`)) fs.rmSync(lock);
    // This Python has no vLLM: the job has been given its params and fails.
    assert.strictEqual(code, 1, stderr);
    const job = fs.globSync(rig.path(".pipe/work/*/*/job.json"));
    assert.lengthOf(job, 1, stderr);
    const { params } = JSON.parse(fs.readFileSync(job[0]!, "utf8")) as {
      readonly params: { readonly gpu_memory: number };
    };
    assert.strictEqual(params.gpu_memory, 0.45);
    assert.deepStrictEqual(await rig.filesOf("part"), { share: "0.25\n" });
  }),
);

describe("refused before anything starts, with its place:", () => {
  const refusals = {
    "more memory than the machine has": ["{ memory: 900 TB }", /needs 900000\.0 GB of memory/u],
    "GPUs that the machine lacks": ["{ gpus: 2 }", /needs 2 GPUs; this machine has 0/u],
    "nodes of a cluster": ["{ nodes: 2 }", /needs 2 nodes; this machine has 1 node/u],
    "text that is not an amount": ["{ memory: 8 XB }", /an amount of memory such as/u],
    "an unknown resource": ["{ cpu: 2 }", /cpus/u],
  } as const;
  for (const [what, [resources, message]] of Object.entries(refusals)) {
    it(
      what,
      inRig(async (rig) => {
        rig.write("e.yaml", sweep(resources));
        const noGpus = { CUDA_VISIBLE_DEVICES: "" };
        const { code, stderr } = await rig.start(["run", "e.yaml"], noGpus).ended;
        assert.strictEqual(code, 2, stderr);
        assert.match(stderr, message);
        assert.match(stderr, /e\.yaml:4:\d+/u);
        assert.isFalse(rig.has(".pipe"));
      }),
    );
  }
});
