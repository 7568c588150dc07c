/** The contract of a store. `open` may be called several times for one directory. */
import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber, type Layer } from "effect";
import { createHash, randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { listFiles } from "../../cache/Tree.ts";
import type { StoreTrouble } from "../../cache/StoreTrouble.ts";
import type { Action, Artifact } from "../../schemas/Artifact.ts";

export type OpenStore = (home: string) => Layer.Layer<Store, StoreTrouble>;

/** A directory for the store of one test. */
export class TestStore {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-testStore-"));
  readonly home = path.join(this.directory, "store");

  /** A new directory with these files, like the output of a stage. */
  filled(files: Readonly<Record<string, string | Uint8Array>>): string {
    const directory = path.join(this.directory, randomUUID());
    fs.mkdirSync(directory);
    for (const [name, content] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      fs.writeFileSync(path.join(directory, name), content);
    }
    return directory;
  }

  close(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

export const inTestStore = <A, E, R>(test: (testStore: TestStore) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new TestStore()),
    test,
    (testStore) => Effect.sync(() => testStore.close()),
  );

export const actionFor = (
  artifact: Artifact,
  recipe: string,
  content = `content of ${recipe}`,
): Action => ({
  recipe,
  content,
  stage: "sample",
  experiment: "study",
  node: "sample[x=1]",
  artifact: artifact.digest,
  kind: artifact.kind,
  keyParts: { format: 1 },
  environment: { node: "v24" },
  cost: { wallSeconds: 1.5, cpuSeconds: 1, maxRssBytes: 2 },
  summary: { rows: 3, note: "λ", nested: { a: [null, true] } },
  finishedAt: "2026-01-01T00:00:00.000Z",
});

const store = Store.use((service) => Effect.succeed(service));

/** Moves all files of a directory into the store. */
export const addTree = (directory: string) =>
  Effect.flatMap(store, ({ addTree: add }) => add(directory, listFiles(directory), "files"));

const answerTo = (content: string) =>
  Effect.flatMap(store, ({ look }) => look(1, ({ byContent }) => byContent(content)));

const actionsOf = (artifact: string) =>
  Effect.flatMap(store, ({ query }) => query((index) => index.actionsOf(artifact)));

export const storeContract = (name: string, open: OpenStore) => {
  const live = (
    what: string,
    test: (testStore: TestStore) => Effect.Effect<unknown, unknown, Store>,
  ) =>
    it.live(what, () =>
      inTestStore((testStore) =>
        Effect.scoped(Effect.provide(test(testStore), open(testStore.home))),
      ),
    );

  describe(name, () => {
    live("is empty at first", () =>
      Effect.gen(function* () {
        const { byRecipe, find } = yield* store;
        assert.isUndefined(yield* byRecipe("r"));
        assert.isUndefined(yield* answerTo("c"));
        assert.deepStrictEqual(yield* find("00"), []);
        assert.deepStrictEqual(yield* actionsOf("a"), []);
      }),
    );

    live(
      "finds an artifact by recipe, by content key and by the beginning of its digest",
      (testStore) =>
        Effect.gen(function* () {
          const { record, byRecipe, find, directoryOf } = yield* store;
          const artifact = yield* addTree(testStore.filled({ "a.txt": "one", "sub/b.txt": "two" }));
          const action = actionFor(artifact, "r", "c");
          yield* record(artifact, action);
          assert.deepStrictEqual(yield* byRecipe("r"), { action, artifact });
          assert.include(yield* answerTo("c"), { artifact: artifact.digest, state: "present" });
          assert.deepStrictEqual(yield* find(artifact.digest.slice(0, 8)), [artifact]);
          assert.deepStrictEqual(yield* actionsOf(artifact.digest), [action]);
          assert.isUndefined(yield* byRecipe("c"));
          assert.isUndefined(yield* answerTo("r"));
          const directory = directoryOf(artifact.digest);
          assert.strictEqual(fs.readFileSync(path.join(directory, "sub/b.txt"), "utf8"), "two");
          assert.deepStrictEqual(
            artifact.files.map((file) => [file.path, file.size, file.sha256]),
            [
              ["a.txt", 3, createHash("sha256").update("one").digest("hex")],
              ["sub/b.txt", 3, createHash("sha256").update("two").digest("hex")],
            ],
          );
          assert.strictEqual(artifact.bytes, 6);
        }),
    );

    live("finds one artifact by several recipes", (testStore) =>
      Effect.gen(function* () {
        const { record, byRecipe } = yield* store;
        const artifact = yield* addTree(testStore.filled({ a: "x" }));
        yield* record(artifact, actionFor(artifact, "r1", "c"));
        yield* record(artifact, actionFor(artifact, "r2", "c"));
        assert.strictEqual((yield* byRecipe("r2"))?.artifact.digest, artifact.digest);
        assert.strictEqual((yield* actionsOf(artifact.digest)).length, 2);
      }),
    );

    it.live("keeps its records when it is opened again", () =>
      inTestStore((testStore) =>
        Effect.gen(function* () {
          const opened = <A, E>(effect: Effect.Effect<A, E, Store>) =>
            Effect.scoped(Effect.provide(effect, open(testStore.home)));
          const artifact = yield* opened(
            Effect.gen(function* () {
              const { record } = yield* store;
              const made = yield* addTree(testStore.filled({ a: "x" }));
              yield* record(made, actionFor(made, "r"));
              return made;
            }),
          );
          const found = yield* opened(Effect.flatMap(store, ({ byRecipe }) => byRecipe("r")));
          assert.deepStrictEqual(found?.artifact, artifact);
        }),
      ),
    );

    live("an artifact without an action, as of an interrupted commit, is not found", (testStore) =>
      Effect.gen(function* () {
        const { byRecipe, find } = yield* store;
        const { digest } = yield* addTree(testStore.filled({ a: "x" }));
        assert.isUndefined(yield* byRecipe("r"));
        assert.isUndefined(yield* answerTo("content of r"));
        assert.deepStrictEqual(yield* find(digest), []);
      }),
    );

    live("an action without its artifact is not found", (testStore) =>
      Effect.gen(function* () {
        const { record, byRecipe, directoryOf } = yield* store;
        const artifact = yield* addTree(testStore.filled({ a: "x" }));
        yield* record(artifact, actionFor(artifact, "r", "c"));
        fs.rmSync(directoryOf(artifact.digest), { recursive: true });
        assert.isUndefined(yield* byRecipe("r"));
        assert.strictEqual((yield* answerTo("c"))?.state, "damaged");
        yield* addTree(testStore.filled({ a: "x" }));
        assert.strictEqual((yield* byRecipe("r"))?.artifact.digest, artifact.digest);
      }),
    );

    describe("trees", () => {
      live(
        "with equal files are one, wherever they were made, and share their blobs",
        (testStore) =>
          Effect.gen(function* () {
            const { directoryOf, home } = yield* store;
            const one = yield* addTree(testStore.filled({ b: "2", a: "1", "c/d": "1" }));
            const other = yield* addTree(testStore.filled({ "c/d": "1", a: "1", b: "2" }));
            assert.deepStrictEqual(one, other);
            assert.strictEqual(fs.readdirSync(path.join(home, "trees")).length, 1);
            const inode = (file: string) =>
              fs.statSync(path.join(directoryOf(one.digest), file)).ino;
            assert.strictEqual(inode("a"), inode("c/d"));
          }),
      );

      live("differ by path, content and executable bit, and by nothing else", (testStore) =>
        Effect.gen(function* () {
          const digestOf = (directory: string) =>
            Effect.map(addTree(directory), ({ digest }) => digest);
          const executable = testStore.filled({ a: "1" });
          fs.chmodSync(path.join(executable, "a"), 0o755);
          const digests = [
            yield* digestOf(testStore.filled({ a: "1" })),
            yield* digestOf(testStore.filled({ b: "1" })),
            yield* digestOf(testStore.filled({ a: "2" })),
            yield* digestOf(testStore.filled({ "x/a": "1" })),
            yield* digestOf(executable),
            yield* digestOf(testStore.filled({})),
          ];
          assert.strictEqual(new Set(digests).size, digests.length);
          const other = testStore.filled({ a: "1" });
          fs.chmodSync(path.join(other, "a"), 0o600);
          fs.utimesSync(path.join(other, "a"), 0, 0);
          fs.mkdirSync(path.join(other, "empty"));
          assert.strictEqual(yield* digestOf(other), digests[0]);
        }),
      );

      live(
        "are read-only and keep the executable bit, also of two files with one content",
        (testStore) =>
          Effect.gen(function* () {
            const { directoryOf } = yield* store;
            const directory = testStore.filled({ plain: "#!/bin/sh\n", tool: "#!/bin/sh\n" });
            fs.chmodSync(path.join(directory, "tool"), 0o700);
            const { digest, files } = yield* addTree(directory);
            const mode = (file: string) =>
              fs.statSync(path.join(directoryOf(digest), file)).mode & 0o777;
            assert.deepStrictEqual([mode("plain"), mode("tool")], [0o444, 0o555]);
            assert.deepStrictEqual(
              files.map((file) => file.executable),
              [undefined, true],
            );
          }),
      );

      live("keep unusual names, empty files and many bytes", (testStore) =>
        Effect.gen(function* () {
          const { directoryOf } = yield* store;
          const big = new Uint8Array(3_000_000).map((_, index) => index % 251);
          const files: Readonly<Record<string, string | Uint8Array>> = {
            " ": "blank",
            "-rf": "",
            "..a": "dots",
            "a\nb": "line",
            "a\\b": "backslash",
            "λ 日本語 😀": "wide",
            "e\u0301": "decomposed",
            "\u00e9": "composed",
            ["x".repeat(255)]: "long",
            ["__proto__"]: "prototype",
            "q\"uo'te": "quotes",
            "deep/er/and/deeper/still": "deep",
            big,
          };
          const { digest, files: listed } = yield* addTree(testStore.filled(files));
          assert.sameMembers(
            listed.map((file) => file.path),
            Object.keys(files),
          );
          for (const [name, content] of Object.entries(files)) {
            const stored = fs.readFileSync(path.join(directoryOf(digest), name));
            assert.isTrue(stored.equals(Buffer.from(content as string)), name);
          }
        }),
      );

      live("copy the targets of links and leave them unchanged", (testStore) =>
        Effect.gen(function* () {
          const { directoryOf } = yield* store;
          const outside = testStore.filled({ file: "outside", "dir/inner": "inner" });
          const directory = testStore.filled({});
          fs.symlinkSync(path.join(outside, "file"), path.join(directory, "link"));
          fs.symlinkSync(path.join(outside, "dir"), path.join(directory, "folder"));
          fs.linkSync(path.join(outside, "file"), path.join(directory, "hard"));
          const { digest } = yield* addTree(directory);
          for (const [name, text] of [
            ["link", "outside"],
            ["hard", "outside"],
            ["folder/inner", "inner"],
          ] as const) {
            const file = path.join(directoryOf(digest), name);
            assert.isFalse(fs.lstatSync(file).isSymbolicLink());
            assert.strictEqual(fs.readFileSync(file, "utf8"), text);
          }
          fs.appendFileSync(path.join(outside, "file"), " changed");
          assert.strictEqual(
            fs.readFileSync(path.join(directoryOf(digest), "hard"), "utf8"),
            "outside",
          );
        }),
      );

      live("that are added concurrently become one", (testStore) =>
        Effect.gen(function* () {
          const { home } = yield* store;
          const files = Object.fromEntries(
            Array.from({ length: 20 }, (_, index) => [`f${index}`, `text ${index % 7}`]),
          );
          const all = yield* Effect.all(
            Array.from({ length: 8 }, () => addTree(testStore.filled(files))),
            { concurrency: "unbounded" },
          );
          assert.strictEqual(new Set(all.map(({ digest }) => digest)).size, 1);
          assert.strictEqual(fs.readdirSync(path.join(home, "trees")).length, 1);
          assert.deepStrictEqual(fs.readdirSync(path.join(home, "incoming")), []);
        }),
      );
    });

    describe("claims", () => {
      const taken = (key: string) =>
        Effect.flatMap(store, ({ claim }) => Effect.scoped(claim(key)));

      live("on different keys are independent, and can be taken again after their release", () =>
        Effect.gen(function* () {
          const { claim } = yield* store;
          const both = Effect.all([claim("k1"), claim("k2")]);
          assert.deepStrictEqual(yield* Effect.scoped(both), [undefined, undefined]);
          assert.isUndefined(yield* taken("k1"));
        }),
      );

      live("on one key: the second caller learns who holds it, and when it is free", () =>
        Effect.gen(function* () {
          const { claim, whenFree } = yield* store;
          const holding = yield* Deferred.make<void>();
          const holder = yield* Effect.forkChild(
            Effect.scoped(
              Effect.andThen(
                claim("k"),
                Effect.andThen(Deferred.succeed(holding, undefined), Effect.never),
              ),
            ),
          );
          yield* Deferred.await(holding);
          assert.strictEqual(yield* taken("k"), `process ${process.pid} on ${os.hostname()}`);
          const waiting = yield* Effect.forkChild(whenFree("k"));
          yield* Effect.sleep(500);
          assert.isUndefined(waiting.pollUnsafe());
          yield* Fiber.interrupt(holder);
          yield* Fiber.join(waiting);
          assert.isUndefined(yield* taken("k"));
        }),
      );
    });

    live("a work directory stays until it is cleared", () =>
      Effect.gen(function* () {
        const { workDirectory, clear } = yield* store;
        const directory = workDirectory("k");
        fs.mkdirSync(directory);
        fs.writeFileSync(path.join(directory, "checkpoint"), "1");
        assert.strictEqual(workDirectory("k"), directory);
        assert.notStrictEqual(workDirectory("other"), directory);
        yield* clear(directory);
        assert.isFalse(fs.existsSync(directory));
        yield* clear(directory);
      }),
    );

    live("a blob that another program changed is not used, and is stored again", (testStore) =>
      Effect.gen(function* () {
        const { record, byRecipe, directoryOf, home } = yield* store;
        const artifact = yield* addTree(testStore.filled({ a: "right", b: "other" }));
        yield* record(artifact, actionFor(artifact, "r", "c"));
        const file = path.join(directoryOf(artifact.digest), "a");
        fs.chmodSync(file, 0o644);
        fs.writeFileSync(file, "wrong");
        assert.isUndefined(yield* byRecipe("r"));
        assert.strictEqual((yield* answerTo("c"))?.state, "damaged");
        yield* addTree(testStore.filled({ a: "right", b: "other" }));
        assert.strictEqual((yield* byRecipe("r"))?.artifact.digest, artifact.digest);
        assert.strictEqual(fs.readFileSync(file, "utf8"), "right");
        const quarantined = fs.readdirSync(path.join(home, "quarantine"));
        assert.isAbove(quarantined.length, 0);
      }),
    );

    live(
      "two artifacts of one content key are both kept, the newest first, and reported",
      (testStore) =>
        Effect.gen(function* () {
          const { record, byRecipe, query } = yield* store;
          const one = yield* addTree(testStore.filled({ a: "1" }));
          const two = yield* addTree(testStore.filled({ a: "2" }));
          const noted = query((index) => [...index.nondeterministic]);
          yield* record(one, actionFor(one, "r", "c"));
          yield* record(one, actionFor(one, "r", "c"));
          assert.deepStrictEqual(yield* noted, []);
          yield* record(two, actionFor(two, "r", "c"));
          assert.strictEqual((yield* byRecipe("r"))?.artifact.digest, two.digest);
          assert.deepStrictEqual(yield* noted, ["c"]);
          yield* record(one, actionFor(one, "r", "c"));
          assert.strictEqual((yield* byRecipe("r"))?.artifact.digest, one.digest);
          assert.strictEqual((yield* actionsOf(two.digest)).length, 1);
        }),
    );
  });
};
