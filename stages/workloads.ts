/** Every stage's workload, where it has one. */
import type { WorkloadOf } from "./cost/Workload.ts";
import { generateWorkload } from "./Generate.workload.ts";
import { grpoWorkload } from "./Grpo.workload.ts";
import { prepareWorkload } from "./Prepare.workload.ts";
import { pretrainedWorkload } from "./Pretrained.workload.ts";
import { rolloutWorkload } from "./Rollout.workload.ts";
import { sftWorkload } from "./Sft.workload.ts";

export const workloads: ReadonlyMap<string, WorkloadOf> = new Map(
  [
    pretrainedWorkload,
    prepareWorkload,
    sftWorkload,
    rolloutWorkload,
    grpoWorkload,
    generateWorkload,
  ].map((each) => [each.stage, each]),
);
