import { Grpo, type GrpoParams, surrogatesOf } from "./Grpo.ts";
import { pipeOnly } from "./grpoVerl.ts";
import { keyVariables } from "./sampling.ts";
import { trainerRun } from "./trainer.ts";

/** Each trainer gets its own params: those of the other mean nothing to it. */
export const grpoJob = ({ trainer, verl, ...params }: GrpoParams) =>
  trainer === "pipe"
    ? { trainer: "grpo", params }
    : { trainer: "grpo_verl", params: { ...withoutPipeOnly(params), ...verl } };

export const grpoRun = trainerRun(Grpo, {
  secrets: (params) => keyVariables(surrogatesOf(params), params),
  job: grpoJob,
});

const withoutPipeOnly = <Params extends object>(params: Params) =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !(name in pipeOnly)));
