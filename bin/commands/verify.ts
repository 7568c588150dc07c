import { Effect, Layer, Stream } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import path from "node:path";
import { pageFile } from "../../bundle/format/MakePage.ts";
import type { OpenBundle } from "../../bundle/format/open.ts";
import { verifyCheapStages } from "../../bundle/verify/cheapStages.ts";
import { identityOf } from "../../bundle/verify/bytes.ts";
import { type Check, type Level, levels } from "../../bundle/verify/Check.ts";
import { verifyByRunning } from "../../bundle/verify/fullRun.ts";
import { Report } from "../../bundle/verify/Report.ts";
import { safely, verify } from "../../bundle/verify/verify.ts";
import { Store } from "../../cache/Store.ts";
import { Local } from "../../executors/Local.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { Exit } from "../UsageError.ts";
import { eventsLayer } from "../view/eventsLayer.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { openBundleAt, scratchFolder } from "./openBundleAt.ts";
import { project } from "./project.ts";
import { jobsFlag, jsonFlag } from "./specFlags.ts";

const mismatch = 3;

export const verifyCommand = Command.make(
  "verify",
  {
    bundle: Argument.String("bundle").pipe(
      Argument.withDescription("an archive that `pipe bundle` made, or its folder"),
    ),
    level: Flag.Int("level").pipe(
      Flag.withDefault(3),
      Flag.filter(
        (level) => (levels as ReadonlyArray<number>).includes(level),
        () => "1 to 5",
      ),
      Flag.withDescription(
        "how far to verify: 1 bytes, 2 structure, 3 every number and key, 4 rerun cheap stages, 5 rerun everything, which executes the bundle's commands",
      ),
    ),
    jobs: jobsFlag,
    json: jsonFlag,
  },
  Effect.fn("pipe verify")(function* ({ bundle: named, level, jobs, json }) {
    const last = level as Level;
    const bundle = yield* openBundleAt(named);
    const report = json ? new JsonReport() : new Report((line) => write(`${line}\n`));
    const makePage = yield* pageMaker(bundle, last);
    yield* tellAll(verify(bundle, Math.min(last, 3) as Level, makePage), report);
    if (last >= 4 && report.failed === undefined) {
      const scratch = yield* scratchFolder("pipe-verify-");
      yield* tellAll(
        safely(4, () => verifyCheapStages(bundle, scratch)),
        report,
      );
    }
    if (last === 5 && report.failed === undefined) report.tell(yield* rerun(bundle, jobs));
    report.end(bundle, last);
    if (report.failed !== undefined) return yield* new Exit({ code: mismatch });
  }, Effect.scoped),
).pipe(Command.withDescription("Verify a bundle: its bytes, its structure, every number and key"));

/** Charts load only where a page is made again. */
const pageMaker = (bundle: OpenBundle, last: Level) =>
  last < 3 || !bundle.files.has(pageFile)
    ? Effect.undefined
    : Effect.promise(async () => (await import("../../report/report.ts")).makePreview);

const tellAll = (checks: AsyncIterable<Check>, report: Report | JsonReport) =>
  Stream.fromAsyncIterable(checks, (error) => error as Error).pipe(
    Stream.runForEach((check) => Effect.sync(() => report.tell(check))),
  );

const write = (text: string) => void process.stdout.write(text);

/** Like `Report`, as JSON lines. */
class JsonReport {
  failed: Level | undefined;

  tell(check: Check): void {
    if (!check.ok) this.failed ??= check.level;
    this.line({ what: "check", check });
  }

  end(bundle: OpenBundle, level: Level): void {
    const failed = this.failed === undefined ? {} : { failed: this.failed };
    const verified = this.failed === undefined;
    const identity = bundle.files.has("manifest-sha512.txt")
      ? { identity: identityOf(bundle) }
      : {};
    this.line({ what: "total", bundle: bundle.top, ...identity, level, verified, ...failed });
  }

  private line(value: object): void {
    write(jsonLine(value));
  }
}

const rerun = Effect.fnUntraced(function* (bundle: OpenBundle, jobs: number) {
  const scratch = yield* scratchFolder("pipe-verify-");
  const again = `npx pipe verify --level 5 ${bundle.top}`;
  return yield* verifyByRunning(bundle, project(), jobs).pipe(
    Effect.provide(
      Layer.mergeAll(
        Store.layer(path.join(scratch, "store")),
        eventsLayer({ json: false, again, only: () => again }),
        Local.layer,
        PythonEnvironment.layer,
      ),
    ),
  );
});
