/** The declarations of all stages, by name. A new stage has a line here and one in `runs.ts`. */
import { Command } from "./Command.ts";
import { Correlate } from "./Correlate.ts";
import { Distill } from "./Distill.ts";
import { Files } from "./Files.ts";
import { Generate } from "./Generate.ts";
import { Groups } from "./Groups.ts";
import { Grpo } from "./Grpo.ts";
import { HubDataset } from "./HubDataset.ts";
import { Prepare } from "./Prepare.ts";
import { Pretrained } from "./Pretrained.ts";
import { Render } from "./Render.ts";
import { Rollout } from "./Rollout.ts";
import { Score } from "./Score.ts";
import { Sft } from "./Sft.ts";
import type { Stage } from "./Stage.ts";
import { Summarize } from "./Summarize.ts";
import { Tabulate } from "./Tabulate.ts";

export const stages: ReadonlyMap<string, Stage> = new Map(
  [
    Render,
    HubDataset,
    Distill,
    Sft,
    Grpo,
    Rollout,
    Generate,
    Score,
    Summarize,
    Correlate,
    Groups,
    Command,
    Tabulate,
    Files,
    Pretrained,
    Prepare,
  ].map((stage: Stage) => [stage.name, stage]),
);
