import { Effect } from "effect";
import { Command, Flag } from "effect/cli";
import fs from "node:fs";
import { type FsckReport, examine } from "../../cache/Fsck.ts";
import type { Ledger } from "../../cache/Ledger.ts";
import { repair } from "../../cache/repair.ts";
import { Store } from "../../cache/Store.ts";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import { clearGarbage } from "../../cache/sweep.ts";
import { runNames } from "../../pipelines/history/RunHistory.ts";
import { readRunPlan } from "../../pipelines/history/RunPlan.ts";
import { Exit } from "../UsageError.ts";
import { examinedText, fsckProgress } from "../view/fsckText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { progressLine } from "../view/progressLine.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

const isDamaged = 3;

export const fsckCommand = Command.make(
  "fsck",
  {
    repair: Flag.Boolean("repair").pipe(
      Flag.withDefault(false),
      Flag.withDescription(
        "set damaged files aside, so that they are made again; remove leftovers of crashes",
      ),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe fsck")(function* ({ repair: shouldRepair, json }) {
    const home = storeHome();
    const isWritten = shouldRepair && fs.existsSync(home);
    const layer = isWritten ? Store.layer(home) : Store.layerReadOnly(home);
    yield* examineStore(home, shouldRepair, json).pipe(Effect.provide(layer));
  }),
).pipe(
  Command.withDescription(
    "Check every file in the store against its digest; --repair sets damaged files aside",
  ),
);

const examineStore = Effect.fnUntraced(function* (
  home: string,
  shouldRepair: boolean,
  json: boolean,
) {
  const store = yield* Store;
  const ledger = yield* store.change((opened) => opened);
  // Rebuilt from the action files: nothing shows whether somebody changed the index.
  yield* store.change(() => ledger.rebuild());
  const examined = yield* examineWithProgress(home, ledger);
  const freed = shouldRepair
    ? yield* store.change(() => {
        for (const { repair: work } of examined.findings) repair(ledger, work);
        ledger.sync();
        return clearGarbage(ledger);
      })
    : undefined;
  yield* print(examined, freed, json);
  if (!shouldRepair && examined.findings.some(({ damage }) => damage))
    return yield* new Exit({ code: isDamaged });
});

const examineWithProgress = (home: string, ledger: Ledger) => {
  const line = progressLine(process.stderr);
  const begun = performance.now();
  const runs = runNames(home).map((run) => ({
    run,
    isReadable: readRunPlan(home, run) !== undefined,
  }));
  return Effect.tryPromise({
    try: () =>
      examine(ledger, runs, (progress) =>
        line.show(() => fsckProgress(progress, (performance.now() - begun) / 1000)),
      ),
    catch: storeTrouble("the store can't be read"),
  }).pipe(Effect.ensuring(Effect.sync(line.end)));
};

const print = (examined: FsckReport, freed: number | undefined, json: boolean) => {
  if (!json) return printText(examinedText(examined, freed, styleFor(process.stdout)));
  const { findings, ...counts } = examined;
  for (const { message, fix, damage } of findings)
    process.stdout.write(jsonLine({ what: "finding", message, fix, damage }));
  const repaired = freed === undefined ? {} : { repaired: findings.length, freed };
  process.stdout.write(jsonLine({ what: "total", ...counts, ...repaired }));
  return Effect.void;
};
