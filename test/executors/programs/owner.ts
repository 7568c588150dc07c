/** A process that runs jobs, all at once, and may get killed: `node owner.ts OPTIONS_JSON JOB_JSON…`. */
import { Effect } from "effect";
import { type Job, runJob } from "../../../executors/Executor.ts";
import { Local } from "../../../executors/Local.ts";
import type { SupervisorOptions } from "../../../executors/Supervisor.ts";

const [options, ...jobs] = process.argv.slice(2).map((text) => JSON.parse(text) as unknown) as [
  Partial<SupervisorOptions>,
  ...Array<Job>,
];

await Effect.forEach(jobs, (job) => runJob(job, () => Effect.void), {
  concurrency: "unbounded",
}).pipe(Effect.provide(Local.layerWith(options)), Effect.runPromise);
