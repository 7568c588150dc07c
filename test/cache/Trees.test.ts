/** Limits and power cuts of file systems, simulated. */
import { assert, it } from "@effect/vitest";
import { afterEach, vi } from "vitest";
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Trees } from "../../cache/Trees.ts";
import { Store } from "../../cache/Store.ts";
import { addTree, inTestStore } from "./contract.ts";

afterEach(() => void vi.restoreAllMocks());

const store = Store.use((service) => Effect.succeed(service));

/** Allows `most` hard links for a file. */
const limitNames = (most: number) => {
  const link = fs.linkSync;
  vi.spyOn(fs, "linkSync").mockImplementation((from, to) => {
    if (fs.statSync(from).nlink < most) return link(from, to);
    throw Object.assign(new Error(`EMLINK: too many links, link '${String(from)}'`), {
      code: "EMLINK",
    });
  });
};

it.live("a blob with as many hard links as the file system allows is copied", () =>
  inTestStore((testStore) =>
    Effect.gen(function* () {
      const { home, directoryOf } = yield* store;
      limitNames(4);
      const added = [];
      for (const name of "abcdefghij")
        added.push(yield* addTree(testStore.filled({ [name]: "same", "own/name": name })));
      // An empty directory, so that the tree is built from links.
      const last = testStore.filled({ one: "same", two: "same" });
      fs.mkdirSync(path.join(last, "empty"));
      added.push(yield* addTree(last));
      const trees = new Trees(home);
      for (const { digest, files } of added) assert.isTrue(trees.isSound(digest, files));
      const inodes = added.flatMap(({ digest, files }) =>
        files
          .filter(({ size }) => size === 4)
          .map((file) => fs.statSync(path.join(directoryOf(digest), file.path))),
      );
      assert.strictEqual(inodes.length, 12);
      assert.isAtMost(new Set(inodes.map(({ ino }) => ino)).size, 6);
      for (const { mode } of inodes) assert.strictEqual(mode & 0o777, 0o444);
      assert.deepStrictEqual(fs.readdirSync(path.join(home, "incoming")), []);
    }).pipe(Effect.provide(Store.layer(testStore.home)), Effect.scoped),
  ),
);

it.live(
  "after a power cut a tree is whole or missing: its folders are synced before its name",
  () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        const { home, directoryOf } = yield* store;
        const synced = new Set<number>();
        const { fsyncSync, renameSync } = fs;
        vi.spyOn(fs, "fsyncSync").mockImplementation((descriptor) => {
          synced.add(fs.fstatSync(descriptor).ino);
          fsyncSync(descriptor);
        });
        const unsynced: Array<string> = [];
        vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
          renameSync(from, to);
          if (path.dirname(String(to)) !== path.join(home, "trees")) return;
          for (const name of ["", "a", "a/b", "a/b/c", "file", "a/b/c/file", "a/b/other"])
            if (!synced.has(fs.statSync(path.join(String(to), name)).ino)) unsynced.push(name);
        });
        const files = { file: "1", "a/b/c/file": "2", "a/b/other": "3" };
        const { digest } = yield* addTree(testStore.filled(files));
        assert.isTrue(synced.has(fs.statSync(directoryOf(digest)).ino));
        // An empty directory: the tree is built from links.
        const other = testStore.filled({ ...files, more: "4" });
        fs.mkdirSync(path.join(other, "empty"));
        yield* addTree(other);
        assert.deepStrictEqual(unsynced, []);
      }).pipe(Effect.provide(Store.layer(testStore.home)), Effect.scoped),
    ),
);

it.live("the names of an artifact are synced before anything records it, whoever stored it", () =>
  inTestStore((testStore) =>
    Effect.gen(function* () {
      const { home } = yield* store;
      const synced = new Set<number>();
      const { fsyncSync } = fs;
      vi.spyOn(fs, "fsyncSync").mockImplementation((descriptor) => {
        synced.add(fs.fstatSync(descriptor).ino);
        fsyncSync(descriptor);
      });
      const isSynced = (directory: string) => synced.has(fs.statSync(directory).ino);
      const files = { file: "1" };
      const [stored] = (yield* addTree(testStore.filled(files))).files;
      const blobs = path.join(home, "blobs", stored!.sha256.slice(0, 2));
      assert.deepStrictEqual([blobs, path.join(home, "trees")].map(isSynced), [true, true]);
      synced.clear();
      yield* addTree(testStore.filled(files));
      assert.isTrue(isSynced(path.join(home, "trees")));
    }).pipe(Effect.provide(Store.layer(testStore.home)), Effect.scoped),
  ),
);
