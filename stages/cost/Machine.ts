/** The device that a node computes on: peak, memory, and the share of the peak that its programs reach. */

/** The kinds of computing; each reaches another share of the peak. */
export type Activity = "training" | "reading" | "writing" | "writing-vllm";

/** The program of a job. Our own trainers write responses by `transformers`; verl writes them by vLLM. */
export type Program = "transformers" | "vllm" | "llamafactory" | "verl";

export interface Machine {
  readonly name: string;
  /** Floating-point operations a second of one device: bfloat16 without sparsity on a GPU, float32 on a core. */
  readonly peak: number;
  /** Bytes of one device; undefined for main memory. */
  readonly memory?: number;
  readonly utilisation: Readonly<Record<Activity, number>>;
  /** From a job's start to its first step or answer. */
  readonly startSeconds: Readonly<Record<Program, number>>;
  /** Memory of a program before its first tensor. */
  readonly programBytes: number;
}

/**
 * Training: 0.38 to 0.43 of the peak for Llama 3 on H100 (arXiv 2407.21783, table 4), 0.46 for PaLM (arXiv 2204.02311); less is
 * assumed, since a single GPU runs no tuned stack. Writing: measured on one H200 with 1.8 billion weights and short contexts, 16,560
 * tokens a second by vLLM (512 requests) and 940 by transformers (64).
 */
const onGpu = { training: 0.35, reading: 0.35, "writing-vllm": 0.061, writing: 0.0035 };

/**
 * From NVIDIA's data sheets. Starts are measured on an H200 (docs/trainers.md, n = 1 each). With 1.8 billion weights: vLLM's 70 s
 * (ARCHITECTURE.md, Departures); that of transformers is a job of 31 s less 23.0 s of writing. With tiny models, so the least: imports
 * of LLaMA-Factory, 28 to 33 s, and verl's job of 181 s less 33 s of steps.
 */
const gpu = (name: string, teraflops: number, gigabytes: number): Machine => ({
  name,
  peak: teraflops * 1e12,
  memory: gigabytes * 1e9,
  utilisation: onGpu,
  startSeconds: { transformers: 8, vllm: 70, llamafactory: 28, verl: 148 },
  programBytes: 0.5e9,
});

export const gpuNames = ["H200", "H100", "A100", "L40S"] as const;
export type GpuName = (typeof gpuNames)[number];

export const gpus: Readonly<Record<GpuName, Machine>> = {
  H200: gpu("H200", 989, 141),
  H100: gpu("H100", 989, 80),
  A100: gpu("A100", 312, 80),
  L40S: gpu("L40S", 362, 48),
};

/**
 * Two fused multiply-adds of eight numbers at 3 GHz; shares and memory are measured with micro models. vLLM's start is the least of
 * seven on loaded cores, 103 to 226 s (docs/trainers.md), and verl has vLLM's, the only part of its start that was measured there;
 * LLaMA-Factory's is the processor time of its imports.
 */
export const core: Machine = {
  name: "core",
  peak: 96e9,
  utilisation: { training: 0.65, reading: 0.65, writing: 0.4, "writing-vllm": 0.4 },
  startSeconds: { transformers: 1, vllm: 103, llamafactory: 6, verl: 103 },
  programBytes: 0.5e9,
};
