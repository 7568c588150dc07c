import { assert, it } from "@effect/vitest";
import { gpusToLease, jobEnvironment, slurmJobEnvironment } from "../../executors/environment.ts";

it("a job inherits listed variables, gets its thread counts, and may replace both", () => {
  const own = {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "1",
    CUDA_MPS_PIPE_DIRECTORY: "/mps",
    NCCL_NVLS_ENABLE: "0",
    OMP_NUM_THREADS: "64",
    HF_TOKEN: "secret",
    TZ: "Asia/Tokyo",
    LC_ALL: "de_DE.UTF-8",
    HTTP_PROXY: undefined,
  };
  const environment = jobEnvironment(
    { cpus: 2, gpus: 1, environment: { CUDA_VISIBLE_DEVICES: "0", X: "y" } },
    own,
  );
  assert.deepInclude(environment, {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "0",
    CUDA_MPS_PIPE_DIRECTORY: "/mps",
    NCCL_NVLS_ENABLE: "0",
    OMP_NUM_THREADS: "2",
    OMP_WAIT_POLICY: "PASSIVE",
    TZ: "UTC",
    LANG: "C.UTF-8",
    X: "y",
  });
  assert.notProperty(environment, "HF_TOKEN");
  assert.notProperty(environment, "LC_ALL");
  assert.notProperty(environment, "HTTP_PROXY");
});

it("a job without GPUs sees none; under Slurm a job with GPUs sees the scheduler's, without a lease", () => {
  const own = { CUDA_VISIBLE_DEVICES: "1", SLURM_JOB_ID: "7" };
  const [none, one] = [0, 1].map((gpus) => ({ cpus: 1, gpus, environment: {} }));
  assert.strictEqual(jobEnvironment(none!, own)["CUDA_VISIBLE_DEVICES"], "");
  assert.strictEqual(jobEnvironment(one!, own)["CUDA_VISIBLE_DEVICES"], "1");
  assert.strictEqual(gpusToLease(one!, own), 0);
  assert.strictEqual(gpusToLease(one!, {}), 1);
});

it("a job with a part of a GPU is told its share, and not that of a job around it", () => {
  const share = (gpus: number) =>
    jobEnvironment({ cpus: 1, gpus, environment: {} }, { PIPE_GPU_SHARE: "0.5" })["PIPE_GPU_SHARE"];
  assert.deepStrictEqual([0, 0.25, 1, 2].map(share), [undefined, "0.25", undefined, undefined]);
});

it("a job that Slurm starts is told of no part of a GPU, since it has a whole one, and of no numbers", () => {
  const own = { CUDA_VISIBLE_DEVICES: "1" };
  const environments = [0, 0.5, 1].map((gpus) =>
    slurmJobEnvironment({ cpus: 1, gpus, environment: {} }, own),
  );
  for (const environment of environments) {
    assert.notProperty(environment, "PIPE_GPU_SHARE");
    assert.notProperty(environment, "CUDA_VISIBLE_DEVICES");
  }
});
