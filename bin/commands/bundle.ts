import { Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { type WrittenBundle, writeBundle } from "../../bundle/writeBundle.ts";
import { limits } from "../../bundle/format.ts";
import { Store } from "../../cache/Store.ts";
import { Bytes } from "../../schemas/Bytes.ts";
import { UsageError } from "../UsageError.ts";
import { bundleText } from "../view/bundleText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { progressLine } from "../view/progressLine.ts";
import { styleFor } from "../view/style.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";
import { findRun } from "./table.ts";

const flags = {
  to: Flag.String("to").pipe(
    Flag.withDefault("."),
    Flag.withDescription(
      "the archive's file, or the folder it goes to; by default here, by its own name",
    ),
  ),
  include: Flag.Literals("include", ["models"]).pipe(
    Flag.optional,
    Flag.withDescription("models: their weights go along, too"),
  ),
  cap: Flag.String("cap").pipe(
    Flag.withSchema(Bytes),
    Flag.withDefault(limits.bytes),
    Flag.withDescription("the most that the archive may take, such as `500 MB`; 100 MB by default"),
  ),
  without: Flag.String("without").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "a stage of the experiment whose files are left out, so that what follows from them can't be recomputed (can be repeated)",
    ),
  ),
  allow: Flag.String("allow").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "ID=REASON: a finding of the scan that may be published, and why; the bundle says so (can be repeated)",
    ),
  ),
  license: Flag.String("license").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "STAGE=ID: under which SPDX licence what a stage brought in is (can be repeated)",
    ),
  ),
  allowMissing: Flag.Boolean("allow-missing").pipe(
    Flag.withDefault(false),
    Flag.withDescription(
      "bundle also where files are gone that numbers follow from; the README names them",
    ),
  ),
  anonymous: Flag.Boolean("anonymous").pipe(
    Flag.withDefault(false),
    Flag.withDescription("for double-blind review: no commit, no authors"),
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
    const written: WrittenBundle = yield* writeBundle(name, {
      ...options,
      models: Option.isSome(include),
      allowed,
      licenses,
      progress: progress.tell,
    }).pipe(
      Effect.ensuring(Effect.sync(progress.end)),
      Effect.provide(Store.layerReadOnly(storeHome())),
    );
    if (json) process.stdout.write(jsonLine({ run: name, ...written }));
    else yield* Console.log(bundleText(name, written, styleFor(process.stdout)));
  }),
).pipe(Command.withDescription("Put a run into one archive that others can check without us"));

/** What was given as `name=value`, by name. */
const pairs = (flag: string, form: string, given: ReadonlyArray<string>) => {
  const found = given.map((text) => /^(?<name>[^=]+)=(?<value>.*\S.*)$/su.exec(text)?.groups);
  const bad = found.findIndex((pair) => pair === undefined);
  return bad === -1
    ? Effect.succeed(new Map(found.map((pair) => [pair?.["name"] ?? "", pair?.["value"] ?? ""])))
    : Effect.fail(new UsageError({ message: `${flag}: \`${given[bad]}\` is no ${form}` }));
};
