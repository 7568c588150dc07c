import { Clock, Console, Effect, Option } from "effect";
import { Command, Flag } from "effect/cli";
import { type GcOptions, type GcPlan, goingBytes, planGc, sweep } from "../../cache/Gc.ts";
import { leftoverWords } from "../../cache/Leftovers.ts";
import { Store } from "../../cache/Store.ts";
import { runNames } from "../../pipelines/RunHistory.ts";
import { readRunRoot } from "../../pipelines/runRoots.ts";
import { gcText, sweptText } from "../view/gcText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { seconds, size } from "./amounts.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

export const gcCommand = Command.make(
  "gc",
  {
    delete: Flag.Boolean("delete").pipe(
      Flag.withDefault(false),
      Flag.withDescription("delete it; without this it is only listed"),
    ),
    olderThan: Flag.String("older-than").pipe(
      Flag.optional,
      Flag.withDescription("runs that began longer ago go, and keep nothing: 30d, 12h, 2w"),
    ),
    maxSize: Flag.String("max-size").pipe(
      Flag.optional,
      Flag.withDescription(
        "take away more, what is quickest to make again first, until the store is no bigger: 10GB",
      ),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe gc")(function* ({ delete: isMeant, olderThan, maxSize, json }) {
    const options: GcOptions = {
      ...(Option.isNone(olderThan)
        ? {}
        : { before: yield* timeBefore(yield* seconds("--older-than", olderThan.value)) }),
      ...(Option.isNone(maxSize) ? {} : { maxBytes: yield* size("--max-size", maxSize.value) }),
    };
    const home = storeHome();
    const runs = {
      names: () => runNames(home),
      read: (run: string) => readRunRoot(home, run),
    };
    const style = styleFor(process.stdout);
    if (!isMeant) {
      const gcPlan = yield* Store.use((store) =>
        store.query((index) => planGc(home, index, runs, options)),
      ).pipe(Effect.provide(Store.layerReadOnly(home)));
      if (json) return tellJson(gcPlan);
      return yield* Console.log(gcText(gcPlan, options, style));
    }
    const [gcPlan, swept] = yield* sweep(runs, options).pipe(Effect.provide(Store.layer(home)));
    if (json) {
      tellJson(gcPlan);
      return void process.stdout.write(jsonLine({ what: "deleted", ...swept }));
    }
    yield* Console.log(sweptText(gcPlan, swept, options));
  }),
).pipe(
  Command.withDescription(
    "List what takes room in the store and is not needed, with what it cost; --delete deletes it",
  ),
);

const timeBefore = (age: number) => Effect.map(Clock.currentTimeMillis, (now) => now - age * 1000);

const tellJson = (gcPlan: GcPlan) => {
  for (const { holding, because, freed, staying } of gcPlan.artifacts) {
    const { digest, madeBy } = holding;
    const made =
      madeBy === undefined
        ? {}
        : {
            kind: madeBy.kind,
            stage: madeBy.stage,
            node: madeBy.node,
            experiment: madeBy.experiment,
            seconds: madeBy.cost.wallSeconds,
          };
    process.stdout.write(jsonLine({ what: "artifact", digest, because, freed, staying, ...made }));
  }
  for (const { kind, paths, bytes } of gcPlan.leftovers)
    process.stdout.write(
      jsonLine({ what: "leftover", kind: leftoverWords[kind], paths, freed: bytes }),
    );
  process.stdout.write(jsonLine({ what: "total", freed: goingBytes(gcPlan), store: gcPlan.total }));
};
