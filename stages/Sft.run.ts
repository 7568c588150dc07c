import { Sft } from "./Sft.ts";
import { trainerRun } from "./trainer.ts";

/** Each trainer gets its own params: those of the other mean nothing to it. */
export const sftRun = trainerRun(Sft, {
  job: ({
    trainer,
    model,
    freeze,
    learn,
    pictures,
    gradients,
    validate,
    llamafactory,
    ...params
  }) =>
    trainer === "pipe"
      ? {
          trainer: "sft",
          params: { ...params, model, freeze, learn, pictures, gradients, validate },
        }
      : { trainer: "sft_llamafactory", params: { ...params, ...llamafactory } },
});
