/**
 * Imports a bundle's artifacts and their keys into a store, so that runs find the expensive results there. The bundle is verified first,
 * every file is hashed again on its way in, and results that the store has stay unchanged.
 */
import { Clock, Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { incomingPath } from "../../cache/Trees.ts";
import { Store } from "../../cache/Store.ts";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import { artifactOf, listFiles } from "../../cache/Tree.ts";
import type { Action, Artifact } from "../../schemas/Artifact.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { bad, type BadBundle } from "../format/BadBundle.ts";
import type { BundledAttempt, BundleNode } from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";
import type { RecordedMachine } from "./recordedMachine.ts";
import { identityOf } from "../verify/bytes.ts";
import {
  type Contents,
  directoryOf,
  folderOf,
  readAttempts,
  readContents,
} from "../verify/Contents.ts";
import type { Problem } from "../verify/Check.ts";
import { verifyKeys } from "../verify/keys.ts";
import type { CompiledNode } from "../verify/compiledNodes.ts";
import { verifyUpTo } from "../verify/verify.ts";

export interface ImportReport {
  /** Nodes whose artifacts were imported. */
  readonly stored: number;
  /** Nodes whose artifacts the store had. */
  readonly known: number;
  /** Nodes imported by digest only, because the bundle leaves files out. */
  readonly incomplete: number;
  /** Nodes that have another result in the store, which stays. */
  readonly different: ReadonlyArray<string>;
  readonly recorded: RecordedMachine;
}

export const importBundle = Effect.fn("importBundle")(function* (bundle: OpenBundle) {
  yield* checkSound(bundle);
  const contents = readContents(bundle);
  const { compiled = [] } = verifyKeys(contents);
  const count = { stored: 0, known: 0, incomplete: 0 };
  const different: Array<string> = [];
  const attempts = new Map(readAttempts(bundle).map((attempt) => [attempt.node, attempt]));
  for (const { bundled } of compiled) {
    const outcome = yield* importNode(contents, bundled, attempts.get(bundled.node));
    if (outcome === "different") different.push(bundled.node);
    else count[outcome] += 1;
  }
  return { ...count, different, recorded: recordedIn(compiled) } satisfies ImportReport;
});

const recordedIn = (compiled: ReadonlyArray<CompiledNode>): RecordedMachine => {
  const parts = compiled.map(({ bundled }) => recordedParts(bundled.keyParts));
  const environments = new Set(parts.flatMap(({ environment = [] }) => environment));
  const [environment] = environments.size === 1 ? environments : [];
  const sources = new Map(parts.flatMap(({ sources = {} }) => Object.entries(sources)));
  return { environment, sources };
};

/** Fails at the first finding of levels 1 to 3, because runs would reuse a wrong result. */
const checkSound = (bundle: OpenBundle): Effect.Effect<void, BadBundle> =>
  Effect.flatMap(
    Effect.promise(() => verifyUpTo(bundle, 3)),
    (wrong) =>
      wrong === undefined
        ? Effect.void
        : Effect.fail(
            bad(
              `level ${wrong.level} of verifying fails at ${placeOf(wrong.problem)}: ${wrong.problem.message}`,
            ),
          ),
  );

const placeOf = ({ file, number }: Problem): string =>
  number === undefined ? file : `${file}: ${number}`;

type Outcome = "stored" | "known" | "incomplete" | "different";

const importNode = Effect.fnUntraced(function* (
  contents: Contents,
  bundled: BundleNode,
  attempt: BundledAttempt | undefined,
) {
  const store = yield* Store;
  const { artifact: digest, kind, files, recipe, content } = bundled;
  const known = yield* store.look(1, (look) => look.byContent(content));
  if (known !== undefined && known.artifact !== digest) return "different" satisfies Outcome;
  const isKnown = yield* store.query((index) =>
    index.byRecipe(recipe).some(({ artifact }) => artifact === digest),
  );
  const isThere = known?.state === "present";
  if (isKnown && isThere) return "known" satisfies Outcome;
  const artifact = artifactOf(kind, files);
  const action = actionOf(contents, bundled, attempt, yield* Clock.currentTimeMillis);
  const isWhole = files.every((file) =>
    contents.bundle.files.has(`${folderOf(digest)}/${file.path}`),
  );
  if (!isThere && !isWhole) {
    yield* store.recordAbsent(artifact, action);
    return "incomplete" satisfies Outcome;
  }
  if (!isThere) yield* storeFiles(contents, artifact);
  yield* store.record(artifact, action);
  return (isThere ? "known" : "stored") satisfies Outcome;
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
