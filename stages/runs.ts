/** The runs of all stages. Only code that runs stages imports it. */
import { commandRun } from "./Command.run.ts";
import { distillRun } from "./Distill.run.ts";
import { filesRun } from "./Files.run.ts";
import { generateRun } from "./Generate.run.ts";
import { grpoRun } from "./Grpo.run.ts";
import { hubDatasetRun } from "./HubDataset.run.ts";
import { numberRuns } from "./numberRuns.ts";
import { prepareRun } from "./Prepare.run.ts";
import { pretrainedRun } from "./Pretrained.run.ts";
import { renderRun } from "./Render.run.ts";
import { rolloutRun } from "./Rollout.run.ts";
import { sftRun } from "./Sft.run.ts";
import { runsByName } from "./StageRun.ts";

export const runs = runsByName([
  ...numberRuns.values(),
  renderRun,
  hubDatasetRun,
  distillRun,
  sftRun,
  grpoRun,
  rolloutRun,
  generateRun,
  commandRun,
  filesRun,
  pretrainedRun,
  prepareRun,
]);
