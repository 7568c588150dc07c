import { assert, it } from "@effect/vitest";
import { jobEnvironment } from "../../executors/environment.ts";

it("a job inherits what is listed, gets its threads, and has the last word", () => {
  const own = {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "1",
    OMP_NUM_THREADS: "64",
    HF_TOKEN: "secret",
    TZ: undefined,
  };
  const environment = jobEnvironment(
    { cpus: 2, environment: { CUDA_VISIBLE_DEVICES: "0", X: "y" } },
    own,
  );
  assert.deepInclude(environment, {
    PATH: "/bin",
    CUDA_VISIBLE_DEVICES: "0",
    OMP_NUM_THREADS: "2",
    X: "y",
  });
  assert.notProperty(environment, "HF_TOKEN");
  assert.notProperty(environment, "TZ");
});
