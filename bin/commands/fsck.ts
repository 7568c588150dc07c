import { Console, Effect } from "effect";
import { Command, Flag } from "effect/cli";
import fs from "node:fs";
import { type Examined, examine } from "../../cache/Fsck.ts";
import { clearGarbage } from "../../cache/Gc.ts";
import { Index } from "../../cache/Index.ts";
import { othersLive } from "../../cache/Leftovers.ts";
import { repair } from "../../cache/repair.ts";
import { indexDamage, indexFile, rescueIndex } from "../../cache/rescueIndex.ts";
import { StoreTrouble, storeTrouble } from "../../cache/StoreTrouble.ts";
import { runNames } from "../../pipelines/RunHistory.ts";
import { readRunPlan } from "../../pipelines/RunRecord.ts";
import { Exit } from "../UsageError.ts";
import { examinedText, progressLine, rescuedText } from "../view/fsckText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

const isDamaged = 3;

export const fsckCommand = Command.make(
  "fsck",
  {
    repair: Flag.Boolean("repair").pipe(
      Flag.withDefault(false),
      Flag.withDescription(
        "set aside what is damaged, so that it is made anew; remove what crashes left",
      ),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe fsck")(function* ({ repair: isMeant, json }) {
    const home = storeHome();
    const wrong = yield* trying("the store can't be read", () => indexDamage(home));
    if (wrong !== undefined) {
      if (!isMeant)
        return yield* new StoreTrouble({
          message: `the index is damaged: ${wrong}`,
          fix: "pipe fsck --repair moves it aside and saves what can be read of it",
        });
      yield* rescue(home, wrong, json);
    }
    const index = yield* Effect.acquireRelease(
      trying("the store can't be opened", () =>
        isMeant && fs.existsSync(indexFile(home))
          ? Index.writing(indexFile(home))
          : Index.reading(indexFile(home)),
      ),
      (open) => Effect.sync(() => open.close()),
    );
    const examined = yield* look(home, index);
    const freed = isMeant
      ? yield* trying("the store can't be repaired", () => {
          for (const { repair: work } of examined.findings) repair(home, index, work);
          return clearGarbage(home, index);
        })
      : undefined;
    yield* tell(examined, freed, json);
    if (!isMeant && examined.findings.some(({ damage }) => damage))
      return yield* new Exit({ code: isDamaged });
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "Read everything in the store and check it against its digests; --repair sets aside what is damaged",
  ),
);

const trying = <A>(doing: string, body: () => A) =>
  Effect.try({ try: body, catch: storeTrouble(doing) });

const rescue = Effect.fnUntraced(function* (home: string, wrong: string, json: boolean) {
  if (othersLive(home, undefined))
    return yield* new StoreTrouble({
      message: `the index is damaged (${wrong}), and another pipe is at work in this store`,
      fix: "end it, then repair",
    });
  const rescued = yield* Effect.tryPromise({
    try: () => rescueIndex(home),
    catch: storeTrouble("the index can't be rescued"),
  });
  if (json) {
    const { saved, ...rest } = rescued;
    process.stdout.write(
      jsonLine({ what: "index", wrong, ...rest, saved: Object.fromEntries(saved) }),
    );
  } else yield* Console.log(rescuedText(wrong, rescued, styleFor(process.stdout)));
});

const look = (home: string, index: Index) => {
  const { stderr } = process;
  const isLive = stderr.isTTY === true && process.env["CI"] === undefined;
  const begun = performance.now();
  let shown = begun;
  const runs = runNames(home).map((run) => ({
    run,
    isReadable: readRunPlan(home, run) !== undefined,
  }));
  return Effect.tryPromise({
    try: () =>
      examine(home, index, runs, (progress) => {
        const now = performance.now();
        if (!isLive || now - shown < 100) return;
        shown = now;
        stderr.write(`\r\u001B[K${progressLine(progress, (now - begun) / 1000)}`);
      }),
    catch: storeTrouble("the store can't be read"),
  }).pipe(Effect.ensuring(Effect.sync(() => void (isLive && stderr.write("\r\u001B[K")))));
};

const tell = (examined: Examined, freed: number | undefined, json: boolean) => {
  if (!json) return Console.log(examinedText(examined, freed, styleFor(process.stdout)));
  const { findings, ...counts } = examined;
  for (const { message, fix, damage } of findings)
    process.stdout.write(jsonLine({ what: "finding", message, fix, damage }));
  const repaired = freed === undefined ? {} : { repaired: findings.length, freed };
  process.stdout.write(jsonLine({ what: "total", ...counts, ...repaired }));
  return Effect.void;
};
