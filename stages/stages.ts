/** Every stage, by the name that `use` carries. A new stage is a file and a line here. */
import { Command } from "./Command.ts";
import { Correlate } from "./Correlate.ts";
import { Distill } from "./Distill.ts";
import { Files } from "./Files.ts";
import { Generate } from "./Generate.ts";
import { Grpo } from "./Grpo.ts";
import { Pretrained } from "./Pretrained.ts";
import { Render } from "./Render.ts";
import { Rollout } from "./Rollout.ts";
import { Score } from "./Score.ts";
import { Sft } from "./Sft.ts";
import type { Stage } from "./Stage.ts";
import { Summarize } from "./Summarize.ts";

export const stages: ReadonlyMap<string, Stage> = new Map(
  [
    Render,
    Distill,
    Sft,
    Grpo,
    Rollout,
    Generate,
    Score,
    Summarize,
    Correlate,
    Command,
    Files,
    Pretrained,
  ].map((stage: Stage) => [stage.name, stage]),
);
