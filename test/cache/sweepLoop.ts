/** Runs gc on a store without runs, again and again, until its standard input ends. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";
import { sweep } from "../../cache/sweep.ts";

const [home = ""] = process.argv.slice(2);
const noRuns = {
  names: () => [],
  read: (run: string) => {
    throw new Error(`there is no run ${run}`);
  },
};
let ended = false;
let deleted = 0;
process.stdin.on("end", () => (ended = true)).resume();
process.stdout.write("begun\n");

await Effect.runPromise(
  Effect.gen(function* () {
    while (!ended) {
      const [{ artifacts }] = yield* sweep(noRuns, {});
      deleted += artifacts.length;
      yield* Effect.sleep(1);
    }
  }).pipe(Effect.provide(Store.layer(home))),
);
process.stdout.write(`${deleted}\n`);
