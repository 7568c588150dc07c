/** Local files and directories that params name. They enter keys by content. */
import { Effect, Result } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { SourceDigests } from "../../cache/SourceDigests.ts";
import { SourceRules } from "../../cache/SourceRules.ts";
import { Store } from "../../cache/Store.ts";
import { InvalidSpec } from "../../schemas/Diagnostic.ts";
import type { Digest } from "../../schemas/Digest.ts";
import { StageFailed } from "../../stages/StageRun.ts";
import type { Graph, Node } from "../experiment/Node.ts";
import { placeOfText } from "../experiment/Located.ts";
import { spanOf } from "../experiment/Source.ts";

/** Digests every local path that params name, or reports all that can't be read. */
export const digestSources = Effect.fnUntraced(function* (graph: Graph, project: string) {
  const namedBy = new Map<string, Node>();
  for (const node of graph.nodes)
    for (const source of node.stage.sources?.(node.params.decoded) ?? [])
      if (!namedBy.has(source)) namedBy.set(source, node);
  const store = yield* Store;
  const reader = store.sourceDigests();
  const { digests, unreadable, ignored } = yield* digestAll([...namedBy.keys()], project, reader);
  if (unreadable.size === 0) return { digests, ignored, learned: reader.learned };
  return yield* new InvalidSpec({
    diagnostics: [...unreadable].flatMap(([source, why]) => {
      const node = namedBy.get(source);
      if (node === undefined) return [];
      return [
        {
          message: `the source \`${source}\` of the stage \`${node.stageName}\` ${why}`,
          at: spanOf(placeOfText(source, node.params.locate()) ?? node.at),
          expected: "a path relative to the project directory",
        },
      ];
    }),
  });
});

interface SourceState {
  readonly digests: ReadonlyMap<string, Digest>;
  /** Reasons, by path. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Files and directories that do not count, relative to the project. */
  readonly ignored: ReadonlySet<string>;
}

const digestAll = Effect.fnUntraced(function* (
  sources: ReadonlyArray<string>,
  project: string,
  reader: SourceDigests,
) {
  const digests = new Map<string, Digest>();
  const unreadable = new Map<string, string>();
  const ignored = new Set<string>();
  const rules = new SourceRules(project);
  for (const source of sources) {
    const target = path.resolve(project, source);
    const isIgnored = rules.below(target, (file) => {
      const slash = file.endsWith("/") ? "/" : "";
      ignored.add(path.relative(project, file) + slash);
    });
    const digest = yield* Effect.result(Effect.tryPromise(() => reader.ofPath(target, isIgnored)));
    if (Result.isSuccess(digest)) digests.set(source, digest.success);
    else
      unreadable.set(source, whyUnreadable(target, digest.failure.cause as NodeJS.ErrnoException));
  }
  return { digests, unreadable, ignored } satisfies SourceState;
});

const whyUnreadable = (target: string, error: NodeJS.ErrnoException): string => {
  if (error.code !== "ENOENT" || fs.existsSync(target)) return `can't be read: ${error.message}`;
  const isLink = fs.lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink
    ? `is a link to ${fs.readlinkSync(target)}, which does not exist`
    : "does not exist";
};

/** Fails when a source changed since the plan: a result made from the new content must not be stored under the old key. */
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
      message: `${source} changed after the plan was made, so either content may have been used`,
      fix: "run the same command again; it plans with the new content",
    });
  }
});
