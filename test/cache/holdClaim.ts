/** Claims a key of a store, prints the outcome, and lives until it is killed: `holdClaim.ts HOME KEY`. */
import { Effect } from "effect";
import { Store } from "../../cache/Store.ts";

const [home = "", key = ""] = process.argv.slice(2);

void Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const { claim } = yield* Store;
      const other = yield* claim(key);
      process.stdout.write(`${other ?? "claimed"}\n`);
      yield* Effect.callback<never>(() => void process.stdin.resume());
    }).pipe(Effect.provide(Store.layer(home))),
  ),
);
