/** Copies the local file or directory. */
import { Effect } from "effect";
import { copyIn } from "./copyIn.ts";
import { Files } from "./Files.ts";
import { stageRun } from "./StageRun.ts";

export const filesRun = stageRun(Files, (context) => Effect.as(copyIn(context), { summary: {} }));
