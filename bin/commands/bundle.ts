import { Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { type WrittenBundle, writeBundle } from "../../bundle/write/writeBundle.ts";
import { limits } from "../../bundle/format/format.ts";
import { Store } from "../../cache/Store.ts";
import { Bytes } from "../../schemas/Bytes.ts";
import { bundleText } from "../view/bundleText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { progressLine } from "../view/progressLine.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { pairs } from "./pairs.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./findRun.ts";

const flags = {
  to: Flag.String("to").pipe(
    Flag.withDefault("."),
    Flag.withDescription("the archive's file, or a folder for it; by default the current folder"),
  ),
  include: Flag.Literals("include", ["models"]).pipe(
    Flag.optional,
    Flag.withDescription("models: include model weights"),
  ),
  cap: Flag.String("cap").pipe(
    Flag.withSchema(Bytes),
    Flag.withDefault(limits.bytes),
    Flag.withDescription("the largest size of the archive, such as `500 MB`; by default 100 MB"),
  ),
  without: Flag.String("without").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a stage whose files are left out; numbers that need them can't be recomputed (repeatable)",
    ),
  ),
  allow: Flag.String("allow").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "ID=REASON: publish a finding of the scan; the bundle records the reason (repeatable)",
    ),
  ),
  license: Flag.String("license").pipe(
    Flag.atLeast(0),
    Flag.withDescription("STAGE=ID: the SPDX licence of what a stage imported (repeatable)"),
  ),
  allowMissing: Flag.Boolean("allow-missing").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "bundle even if files that numbers need are missing; the README lists them",
    ),
  ),
  anonymous: Flag.Boolean("anonymous").pipe(
    Flag.withDefault(false),
    Flag.withDescription("for double-blind review: leave out commit and authors"),
  ),
  json: jsonFlag,
};

export const bundleCommand = Command.make(
  "bundle",
  {
    run: Argument.String("run").pipe(
      Argument.withDefault("latest"),
      Argument.withDescription("a run's name; by default the latest"),
    ),
    ...flags,
  },
  Effect.fn("pipe bundle")(function* ({ run, include, allow, license, json, ...options }) {
    const { run: name } = yield* findRun(run);
    const allowed = yield* pairs("--allow", "ID=REASON", allow);
    const licenses = yield* pairs("--license", "STAGE=ID", license);
    const progress = progressLine(process.stderr);
    // Charts load only where a page is made: every other command starts without them.
    const { makePreview } = yield* Effect.promise(() => import("../../report/report.ts"));
    const written: WrittenBundle = yield* writeBundle(name, {
      ...options,
      makePage: makePreview,
      models: Option.isSome(include),
      allowed,
      licenses,
      progress: (activity) => progress.show(() => activity),
    }).pipe(
      Effect.ensuring(Effect.sync(progress.end)),
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    if (json) process.stdout.write(jsonLine({ run: name, ...written }));
    else yield* printText(bundleText(name, written, styleFor(process.stdout)));
  }),
).pipe(Command.withDescription("Pack a run into one archive that others can verify"));
