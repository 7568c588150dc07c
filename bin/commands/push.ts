import { Effect, Option, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { artifactPublication } from "../../publish/artifactPublication.ts";
import { bundlePublication } from "../../publish/bundlePublication.ts";
import type { Publication } from "../../publish/Publication.ts";
import { push } from "../../publish/push.ts";
import { HubClient } from "../../remote/HubClient.ts";
import { hubSettings } from "../../remote/hubSettings.ts";
import { HubName } from "../../stages/hubParams.ts";
import { UsageError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { printText } from "../view/printText.ts";
import { progressLine } from "../view/progressLine.ts";
import { pushText } from "../view/pushText.ts";
import { styleFor } from "../view/style.ts";
import { findArtifact } from "./artifacts.ts";
import { openBundleAt } from "./openBundleAt.ts";
import { pairs } from "./pairs.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

const CommitStart = Schema.String.check(
  Schema.isPattern(/^[\da-f]{7,40}$/u, { message: "a commit, 7 to 40 hexadecimal digits" }),
);
const SpdxId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z\d][A-Za-z\d.+-]*$/u, {
    message: "an SPDX identifier such as CC-BY-4.0",
  }),
);

const flags = {
  to: Flag.String("to").pipe(
    Flag.withSchema(HubName),
    Flag.withDescription("the repository on the Hub, OWNER/NAME; created if it does not exist"),
  ),
  isPrivate: Flag.Boolean("private").pipe(
    Flag.withDefault(false),
    Flag.withDescription("create it private; a public repository is refused"),
  ),
  message: Flag.String("message").pipe(
    Flag.optional,
    Flag.withDescription("the commit's first line"),
  ),
  parent: Flag.String("parent").pipe(
    Flag.withSchema(CommitStart),
    Flag.optional,
    Flag.withDescription("the newest commit, as you know it; refused if there is another by now"),
  ),
  license: Flag.String("license").pipe(
    Flag.withSchema(SpdxId),
    Flag.optional,
    Flag.withDescription("the SPDX licence of what others wrote, such as CC-BY-4.0"),
  ),
  allow: Flag.String("allow").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "ID=REASON: publish a finding of the scan; the commit records the reason (repeatable)",
    ),
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDefault(false),
    Flag.withDescription("scan and compare, and send nothing"),
  ),
  json: jsonFlag,
};

export const pushCommand = Command.make(
  "push",
  {
    what: Argument.String("what").pipe(
      Argument.withDescription(
        "a data set or model (a digest or its beginning, RUN/NODE, a node of the latest run), or the file of a bundle",
      ),
    ),
    ...flags,
  },
  Effect.fn("pipe push")(function* ({
    what,
    to,
    license,
    allow,
    message,
    parent,
    json,
    ...options
  }) {
    const allowed = yield* pairs("--allow", "ID=REASON", allow);
    const settings = hubSettings(process.env);
    const progress = progressLine(process.stderr);
    const client = new HubClient(settings, (failure) =>
      Effect.sync(() => {
        progress.end();
        process.stderr.write(`${failure.message}; trying again\n`);
      }),
    );
    const stated = Option.getOrUndefined(license);
    const publication: Publication = isBundle(what)
      ? yield* publicationOfBundle(what, to, stated)
      : yield* publicationOfArtifact(what, to, stated);
    const pushed = yield* push(client, publication, {
      ...options,
      repo: to,
      message: Option.getOrUndefined(message),
      parent: Option.getOrUndefined(parent),
      allowed,
      progress: (activity) => progress.show(() => activity),
    }).pipe(Effect.ensuring(Effect.sync(progress.end)));
    if (json) process.stdout.write(jsonLine(pushed));
    else yield* printText(pushText(pushed, styleFor(process.stdout)));
  }, Effect.scoped),
).pipe(
  Command.withDescription(
    "Push a data set, a model or a bundle to the Hugging Face Hub, in one commit",
  ),
  Command.withExamples([
    {
      command: "pipe push sft-lambda-1/cot --to OWNER/cot --dry-run",
      description: "what would change; without --dry-run, `load_dataset` then reads it",
    },
  ]),
);

/** By its name, so that a missing file is not taken for an artifact. */
const isBundle = (what: string): boolean =>
  /\.(?:tar|tar\.gz|tgz)$/u.test(what) || fs.existsSync(path.join(what, "bagit.txt"));

const publicationOfBundle = Effect.fnUntraced(function* (
  file: string,
  repo: string,
  license: string | undefined,
) {
  if (license !== undefined)
    return yield* new UsageError({
      message: "--license: a bundle states its licences; leave out --license",
    });
  return yield* bundlePublication(yield* openBundleAt(file), repo);
});

const publicationOfArtifact = (name: string, repo: string, license: string | undefined) =>
  Effect.gen(function* () {
    return yield* artifactPublication(yield* findArtifact(name), { repo, license });
  }).pipe(Effect.provide(Store.layerReadOnly(storeHome())));
