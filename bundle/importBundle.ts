/**
 * Takes a bundle's artifacts into a store, with what made them, so that what was expensive to make is found there. Every file is hashed
 * on its way in, every key is one that the bundle's own spec gives, and what the store knows already stays as it is.
 */
import { Clock, Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { incomingPath } from "../cache/Trees.ts";
import { Store } from "../cache/Store.ts";
import type { StoreTrouble } from "../cache/StoreTrouble.ts";
import { artifactOf, listFiles } from "../cache/Tree.ts";
import type { Action, Artifact } from "../schemas/Artifact.ts";
import { recordedParts } from "../schemas/KeyParts.ts";
import { bad, type BadBundle } from "./BadBundle.ts";
import type { BundledAttempt, BundleNode } from "./format.ts";
import type { OpenBundle } from "./open.ts";
import type { Recorded } from "./replay.ts";
import { identityOf } from "./verify/bytes.ts";
import {
  type Contents,
  directoryOf,
  folderOf,
  readAttempts,
  readContents,
} from "./verify/Contents.ts";
import type { Problem } from "./verify/Check.ts";
import { verifyKeys } from "./verify/keys.ts";
import type { Placed } from "./verify/placed.ts";
import { verifyUpTo } from "./verify/verify.ts";

export interface ImportReport {
  /** Nodes of the bundle whose artifacts are in the store from now on… */
  readonly stored: number;
  /** …or were there before… */
  readonly known: number;
  /** …or are known by what they are, without the files that the bundle leaves out… */
  readonly incomplete: number;
  /** …or have another answer here, which stays. */
  readonly different: ReadonlyArray<string>;
  readonly recorded: Recorded;
}

export const importBundle = Effect.fn("importBundle")(function* (bundle: OpenBundle) {
  yield* sound(bundle);
  const contents = readContents(bundle);
  const { placed = [] } = verifyKeys(contents);
  const count = { stored: 0, known: 0, incomplete: 0 };
  const different: Array<string> = [];
  const attempts = new Map(readAttempts(bundle).map((attempt) => [attempt.node, attempt]));
  for (const { bundled } of placed) {
    const how = yield* importNode(contents, bundled, attempts.get(bundled.node));
    if (how === "different") different.push(bundled.node);
    else count[how] += 1;
  }
  return { ...count, different, recorded: recordedBy(placed) } satisfies ImportReport;
});

const recordedBy = (placed: ReadonlyArray<Placed>): Recorded => {
  const parts = placed.map(({ bundled }) => recordedParts(bundled.keyParts));
  const environments = new Set(parts.flatMap(({ environment = [] }) => environment));
  const [environment] = environments.size === 1 ? environments : [];
  const sources = new Map(parts.flatMap(({ sources = {} }) => Object.entries(sources)));
  return { environment, sources };
};

/** Fails at the first thing that verifying finds wrong: a result that its transcripts do not give would be served on as one. */
const sound = (bundle: OpenBundle): Effect.Effect<void, BadBundle> =>
  Effect.flatMap(
    Effect.promise(() => verifyUpTo(bundle, 3)),
    (wrong) =>
      wrong === undefined
        ? Effect.void
        : Effect.fail(
            bad(
              `level ${wrong.level} finds ${whereIs(wrong.problem)} wrong: ${wrong.problem.message}`,
            ),
          ),
  );

const whereIs = ({ file, number }: Problem): string =>
  number === undefined ? file : `${file}: ${number}`;

type How = "stored" | "known" | "incomplete" | "different";

const importNode = Effect.fnUntraced(function* (
  contents: Contents,
  bundled: BundleNode,
  attempt: BundledAttempt | undefined,
) {
  const store = yield* Store;
  const { artifact: digest, kind, files, recipe, content } = bundled;
  const known = yield* store.look(1, (look) => look.byContent(content));
  if (known !== undefined && known.artifact !== digest) return "different" satisfies How;
  const isKnown = yield* store.query((index) =>
    index.byRecipe(recipe).some(({ artifact }) => artifact === digest),
  );
  const isThere = known?.state === "present";
  if (isKnown && isThere) return "known" satisfies How;
  const artifact = artifactOf(kind, files);
  const action = actionOf(contents, bundled, attempt, yield* Clock.currentTimeMillis);
  const isWhole = files.every((file) =>
    contents.bundle.files.has(`${folderOf(digest)}/${file.path}`),
  );
  if (!isThere && !isWhole) {
    yield* store.query((index) => index.recordAbsent(artifact, action));
    return "incomplete" satisfies How;
  }
  if (!isThere) yield* storeFiles(contents, artifact);
  yield* store.record(artifact, action);
  return (isThere ? "known" : "stored") satisfies How;
});

const storeFiles = (
  contents: Contents,
  { digest, kind, files }: Artifact,
): Effect.Effect<void, BadBundle | StoreTrouble, Store> =>
  Effect.gen(function* () {
    const store = yield* Store;
    const incoming = incomingPath(store.home);
    const stored = yield* Effect.gen(function* () {
      fs.mkdirSync(incoming);
      for (const { path: name, executable } of files) {
        const target = path.join(incoming, name);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        fs.copyFileSync(path.join(directoryOf(contents, digest), name), target);
        fs.chmodSync(target, executable === true ? 0o755 : 0o644);
      }
      return yield* store.addTree(incoming, listFiles(incoming), kind);
    }).pipe(Effect.ensuring(Effect.ignore(store.clear(incoming))));
    if (stored.digest !== digest)
      return yield* bad(`the files of ${digest} changed while they were read`);
  });

const actionOf = (
  { bundle, run }: Contents,
  { node, stage, artifact, kind, recipe, content, keyParts, summary, resumedFrom }: BundleNode,
  attempt: BundledAttempt | undefined,
  now: number,
): Action => ({
  recipe,
  content,
  stage,
  experiment: run.experiment,
  node,
  artifact,
  kind,
  keyParts,
  environment: { bundle: `sha256:${identityOf(bundle)}` },
  cost: attempt?.cost ?? { wallSeconds: attempt?.seconds ?? 0 },
  summary,
  ...(resumedFrom === undefined ? {} : { resumedFrom }),
  finishedAt: new Date(now).toISOString(),
});
