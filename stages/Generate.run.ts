import { Generate } from "./Generate.ts";
import { trainerRun } from "./trainer.ts";

/** Each trainer gets its own params: vLLM's settings mean nothing to the other. */
export const generateRun = trainerRun(Generate, {
  job: ({ engine, vllm, ...params }) =>
    engine === "transformers"
      ? { trainer: "generate", params }
      : { trainer: "generate_vllm", params: { ...params, ...vllm } },
});
