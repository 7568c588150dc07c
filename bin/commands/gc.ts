import { Clock, Effect, Option } from "effect";
import { Command, Flag } from "effect/cli";
import { type GcOptions, type GcPlan, goingBytes, planGc } from "../../cache/Gc.ts";
import { leftoverWords } from "../../cache/Leftovers.ts";
import { Store } from "../../cache/Store.ts";
import { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { sweep } from "../../cache/sweep.ts";
import { runNames } from "../../pipelines/history/RunHistory.ts";
import { readRunRoot } from "../../pipelines/history/runRoots.ts";
import { gcText, sweptText } from "../view/gcText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { parseBytes, parseSeconds } from "./amounts.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

export const gcCommand = Command.make(
  "gc",
  {
    delete: Flag.Boolean("delete").pipe(
      Flag.withDefault(false),
      Flag.withDescription("delete; without it, only list"),
    ),
    olderThan: Flag.String("older-than").pipe(
      Flag.optional,
      Flag.withDescription("also delete runs that began longer ago, such as 30d, 12h or 2w"),
    ),
    maxSize: Flag.String("max-size").pipe(
      Flag.optional,
      Flag.withDescription(
        "delete more, what is quickest to make again first, until the store is at most this large: 10GB",
      ),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe gc")(function* ({ delete: shouldDelete, olderThan, maxSize, json }) {
    const options: GcOptions = {
      ...(Option.isNone(olderThan)
        ? {}
        : { before: yield* timeBefore(yield* parseSeconds("--older-than", olderThan.value)) }),
      ...(Option.isNone(maxSize)
        ? {}
        : { maxBytes: yield* parseBytes("--max-size", maxSize.value) }),
    };
    const home = storeHome();
    const runs = {
      names: () => runNames(home),
      read: (run: string) => readRunRoot(home, run),
    };
    const style = styleFor(process.stdout);
    if (!shouldDelete) {
      const gcPlan = yield* Store.use((store) =>
        store.query((index) => planGc(home, index, runs, options)),
      ).pipe(Effect.provide(Store.layerReadOnly(home)));
      if (json) return printJson(gcPlan);
      return yield* printText(gcText(gcPlan, options, style));
    }
    const [gcPlan, swept] = yield* sweep(runs, options).pipe(Effect.provide(Store.layer(home)));
    const { failures, ...counts } = swept;
    if (json) {
      printJson(gcPlan);
      for (const failure of failures)
        process.stdout.write(jsonLine({ ...failure, what: "failure", of: failure.what }));
      process.stdout.write(jsonLine({ what: "deleted", ...counts }));
    } else yield* printText(sweptText(gcPlan, swept, options));
    if (failures.length > 0)
      return yield* new StoreTrouble({
        message: `pipe gc could not delete everything: ${failures.map(({ what, message }) => `${what}: ${message}`).join("; ")}`,
        fix: "the rest is deleted; let the owner of these files delete them",
      });
  }),
).pipe(
  Command.withDescription(
    "List what the store does not need, with sizes and costs; --delete deletes it",
  ),
);

const timeBefore = (age: number) => Effect.map(Clock.currentTimeMillis, (now) => now - age * 1000);

const printJson = (gcPlan: GcPlan) => {
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
