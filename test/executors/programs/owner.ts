/** A process that runs one job and gets killed: `node owner.ts JOB_JSON`. */
import { Effect } from "effect";
import { Executor, type Job } from "../../../executors/Executor.ts";
import { Local } from "../../../executors/Local.ts";

const job = JSON.parse(process.argv[2] ?? "") as Job;

await Effect.gen(function* () {
  const executor = yield* Executor;
  yield* executor.run(job, () => Effect.void);
}).pipe(Effect.provide(Local.layerWith({ grace: "300 millis" })), Effect.runPromise);
