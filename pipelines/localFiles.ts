/** Local files and directories that params name: they enter keys by content. */
import { Effect, Result } from "effect";
import path from "node:path";
import type { SourceDigests } from "../cache/SourceDigests.ts";
import { Store } from "../cache/Store.ts";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import type { Digest } from "../schemas/Digest.ts";
import { StageFailed } from "../stages/Stage.ts";
import type { Graph, Node } from "./Compile.ts";
import { type Located, type Place, spanOf } from "./Source.ts";

/** Every local path that some node's params name, by content; those that can't be read are reported together. */
export const digestSources = Effect.fnUntraced(function* (graph: Graph, project: string) {
  const namedBy = new Map<string, Node>();
  for (const node of graph.nodes)
    for (const source of node.stage.sources?.(node.params.decoded) ?? [])
      if (!namedBy.has(source)) namedBy.set(source, node);
  const store = yield* Store;
  const reader = store.sourceDigests();
  const { digests, unreadable } = yield* digestAll([...namedBy.keys()], project, reader);
  if (unreadable.size === 0) return { digests, learned: reader.learned };
  return yield* new InvalidSpec({
    diagnostics: [...unreadable].flatMap(([source, why]) => {
      const node = namedBy.get(source);
      if (node === undefined) return [];
      return [
        {
          message: `the stage \`${node.stageName}\` names \`${source}\`, which ${why}`,
          at: spanOf(placeOf(source, node.params.written) ?? node.at),
          expected: `a path that starts from the project's directory`,
        },
      ];
    }),
  });
});

interface SourceState {
  readonly digests: ReadonlyMap<string, Digest>;
  /** Why those that have no digest have none. */
  readonly unreadable: ReadonlyMap<string, string>;
}

const digestAll = Effect.fnUntraced(function* (
  sources: ReadonlyArray<string>,
  project: string,
  reader: SourceDigests,
) {
  const digests = new Map<string, Digest>();
  const unreadable = new Map<string, string>();
  for (const source of sources) {
    const target = path.resolve(project, source);
    const digest = yield* Effect.result(Effect.tryPromise(() => reader.ofPath(target)));
    if (Result.isSuccess(digest)) digests.set(source, digest.success);
    else unreadable.set(source, whyUnreadable(digest.failure.cause as NodeJS.ErrnoException));
  }
  return { digests, unreadable } satisfies SourceState;
});

const whyUnreadable = (error: NodeJS.ErrnoException): string =>
  error.code === "ENOENT" ? "does not exist" : `can't be read: ${error.message}`;

/** Where a text stands among the params. */
export const placeOf = (text: string, located: Located): Place | undefined => {
  switch (located.kind) {
    case "scalar":
      return located.value === text ? located.at : undefined;
    case "list":
      return firstOf(located.items, (item) => placeOf(text, item));
    case "map":
      return firstOf(located.entries, (entry) => placeOf(text, entry.value));
  }
};

const firstOf = <A, B>(
  items: ReadonlyArray<A>,
  find: (item: A) => B | undefined,
): B | undefined => {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
};

/**
 * Fails when a source is no longer what it was when the plan was made: hours may lie between, and what was made from the
 * new content must not be kept under the key of the old.
 */
export const sourcesUnchanged = Effect.fnUntraced(function* (
  sources: Readonly<Record<string, Digest>>,
  project: string,
) {
  if (Object.keys(sources).length === 0) return;
  const store = yield* Store;
  const reader = store.sourceDigests();
  const { digests } = yield* digestAll(Object.keys(sources), project, reader);
  yield* store.rememberSources(reader.learned);
  for (const [source, digest] of Object.entries(sources)) {
    if (digests.get(source) === digest) continue;
    return yield* new StageFailed({
      message: `${source} was changed after this run had planned with it, so nobody can say which content was used`,
      fix: "run the same line again, which plans with the new content",
    });
  }
});
