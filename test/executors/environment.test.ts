import { assert, it } from "@effect/vitest";
import { gpusToLease, jobEnvironment } from "../../executors/environment.ts";

it("a job inherits what is listed, gets its threads, and has the last word", () => {
  const own = {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "1",
    OMP_NUM_THREADS: "64",
    HF_TOKEN: "secret",
    TZ: undefined,
  };
  const environment = jobEnvironment(
    { cpus: 2, gpus: 1, environment: { CUDA_VISIBLE_DEVICES: "0", X: "y" } },
    own,
  );
  assert.deepInclude(environment, {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "0",
    OMP_NUM_THREADS: "2",
    OMP_WAIT_POLICY: "PASSIVE",
    X: "y",
  });
  assert.notProperty(environment, "HF_TOKEN");
  assert.notProperty(environment, "TZ");
});

it("a job that asks for no GPU sees none; under Slurm one that does sees the scheduler's, without a lease", () => {
  const own = { CUDA_VISIBLE_DEVICES: "1", SLURM_JOB_ID: "7" };
  const [none, one] = [0, 1].map((gpus) => ({ cpus: 1, gpus, environment: {} }));
  assert.strictEqual(jobEnvironment(none!, own)["CUDA_VISIBLE_DEVICES"], "");
  assert.strictEqual(jobEnvironment(one!, own)["CUDA_VISIBLE_DEVICES"], "1");
  assert.strictEqual(gpusToLease(one!, own), 0);
  assert.strictEqual(gpusToLease(one!, {}), 1);
});
