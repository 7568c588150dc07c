/** Local files and directories that params name: they enter keys by content. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type StoreTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { digestPath } from "../cache/Tree.ts";
import { InvalidSpec } from "../schemas/Diagnostic.ts";
import type { Digest } from "../schemas/Digest.ts";
import { StageFailed } from "../stages/Stage.ts";
import type { Graph, Node } from "./Compile.ts";
import { type Located, type Place, spanOf } from "./Source.ts";

/** Every local path that some node's params name, by content; those that are missing are reported together. */
export const digestSources = Effect.fnUntraced(function* (graph: Graph, project: string) {
  const digests = new Map<string, Digest>();
  const missing = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const source of node.stage.sources?.(node.params.decoded) ?? []) {
      if (digests.has(source) || missing.has(source)) continue;
      const target = path.resolve(project, source);
      if (!fs.existsSync(target)) missing.set(source, node);
      else digests.set(source, yield* digestOf(target));
    }
  }
  if (missing.size === 0) return digests;
  return yield* new InvalidSpec({
    diagnostics: [...missing].map(([source, node]) => ({
      message: `the stage \`${node.stageName}\` names \`${source}\`, which does not exist`,
      at: spanOf(placeOf(source, node.params.written) ?? node.at),
      expected: `a path that starts from the project's directory`,
    })),
  });
});

/** Where a text stands among the params. */
const placeOf = (text: string, located: Located): Place | undefined => {
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
  for (const [source, digest] of Object.entries(sources)) {
    const now = yield* Effect.option(digestOf(path.resolve(project, source)));
    if (now._tag === "Some" && now.value === digest) continue;
    return yield* new StageFailed({
      message: `${source} was changed after this run had planned with it, so nobody can say which content was used`,
      fix: "run the same line again, which plans with the new content",
    });
  }
});

const digestOf = (target: string): Effect.Effect<Digest, StoreTrouble> =>
  Effect.tryPromise({
    try: () => digestPath(target),
    catch: storeTrouble(`${target} can't be read`),
  });
