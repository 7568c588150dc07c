/** The runs that compute numbers from their inputs alone. Verifying a bundle repeats them without trainers or programs. */
import { correlateRun } from "./Correlate.run.ts";
import { groupsRun } from "./Groups.run.ts";
import { scoreRun } from "./Score.run.ts";
import { runsByName } from "./StageRun.ts";
import { summarizeRun } from "./Summarize.run.ts";
import { tabulateRun } from "./Tabulate.run.ts";

export const numberRuns = runsByName([
  scoreRun,
  summarizeRun,
  correlateRun,
  groupsRun,
  tabulateRun,
]);
