/** What a file system can do to the store that a test can't wait for. */
import { assert, it } from "@effect/vitest";
import { afterEach, vi } from "vitest";
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Trees } from "../../cache/Trees.ts";
import { Store } from "../../cache/Store.ts";
import { addTree, inCellar } from "./contract.ts";

afterEach(() => void vi.restoreAllMocks());

const store = Store.use((service) => Effect.succeed(service));

/** A file system that allows `most` names a file. */
const limitNames = (most: number) => {
  const link = fs.linkSync;
  vi.spyOn(fs, "linkSync").mockImplementation((from, to) => {
    if (fs.statSync(from).nlink < most) return link(from, to);
    throw Object.assign(new Error(`EMLINK: too many links, link '${String(from)}'`), {
      code: "EMLINK",
    });
  });
};

it.live("a blob with as many names as a file may have goes on as a second file", () =>
  inCellar((cellar) =>
    Effect.gen(function* () {
      const { home, directoryOf } = yield* store;
      limitNames(4);
      const added = [];
      for (const name of "abcdefghij")
        added.push(yield* addTree(cellar.filled({ [name]: "same", "own/name": name })));
      // Not plain, so that its files are linked once more.
      const last = cellar.filled({ one: "same", two: "same" });
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
    }).pipe(Effect.provide(Store.layer(cellar.home)), Effect.scoped),
  ),
);

it.live(
  "after a power cut a tree is whole or not there: its folders are on the disk before its name",
  () =>
    inCellar((cellar) =>
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
        const { digest } = yield* addTree(cellar.filled(files));
        assert.isTrue(synced.has(fs.statSync(directoryOf(digest)).ino));
        // Not plain: then it is put together from links.
        const other = cellar.filled({ ...files, more: "4" });
        fs.mkdirSync(path.join(other, "empty"));
        yield* addTree(other);
        assert.deepStrictEqual(unsynced, []);
      }).pipe(Effect.provide(Store.layer(cellar.home)), Effect.scoped),
    ),
);
