import { Rollout } from "./Rollout.ts";
import { keyVariables } from "./sampling.ts";
import { trainerRun } from "./trainer.ts";

export const rolloutRun = trainerRun(Rollout, {
  secrets: (params) => keyVariables(params.surrogates, params),
});
