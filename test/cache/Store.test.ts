/** The store's contract, and dead owners, formats and readers. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { vi } from "vitest";
import { Store } from "../../cache/Store.ts";
import { actionFor, addTree, type TestStore, inTestStore, storeContract } from "./contract.ts";

storeContract("the store on disk", Store.layer);

const store = Store.use((service) => Effect.succeed(service));

const inStore = <A, E>(testStore: TestStore, effect: Effect.Effect<A, E, Store>) =>
  Effect.scoped(Effect.provide(effect, Store.layer(testStore.home)));

/** Starts a process that claims `k` and holds it until it is killed; returns its first line of output. */
const startHolder = async (home: string) => {
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, "holdClaim.ts"), home, "k"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, output: String(line).trim() };
};

const holder = async (home: string) => (await startHolder(home)).child;

describe("a claim of another process", () => {
  const claimed = (testStore: TestStore) =>
    inStore(
      testStore,
      Effect.flatMap(store, ({ claim }) => Effect.scoped(claim("k"))),
    );

  it.live("holds while the process lives, even stopped, and ends with it", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        const child = yield* Effect.promise(() => holder(testStore.home));
        const expected = `process ${child.pid} on ${os.hostname()}`;
        assert.strictEqual(yield* claimed(testStore), expected);
        child.kill("SIGSTOP");
        assert.strictEqual(yield* claimed(testStore), expected);
        child.kill("SIGKILL");
        yield* Effect.promise(() => once(child, "exit"));
        assert.isUndefined(yield* claimed(testStore));
        assert.deepStrictEqual(fs.readdirSync(path.join(testStore.home, "owners")), []);
      }),
    ),
  );

  it.live("is not released by its former owner after another process took it over", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        const link = path.join(testStore.home, "claims/k");
        yield* inStore(
          testStore,
          Effect.gen(function* () {
            const { claim } = yield* store;
            yield* Effect.scoped(
              Effect.andThen(
                claim("k"),
                Effect.sync(() => {
                  fs.rmSync(link);
                  fs.symlinkSync("somebody/token/process 1 on another", link);
                }),
              ),
            );
          }),
        );
        assert.match(fs.readlinkSync(link), /^somebody/u);
      }),
    ),
  );

  it.live("is taken over by exactly one process after its owner was killed", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        const dead = yield* Effect.promise(() => holder(testStore.home));
        dead.kill("SIGKILL");
        yield* Effect.promise(() => once(dead, "exit"));
        const holders = yield* Effect.promise(() =>
          Promise.all(Array.from({ length: 3 }, () => startHolder(testStore.home))),
        );
        for (const { child } of holders) child.kill("SIGKILL");
        const winners = holders.filter(({ output }) => output === "claimed");
        assert.strictEqual(winners.length, 1, holders.map(({ output }) => output).join(", "));
      }),
    ),
  );
});

it.live("a released claim that could not be removed, as on a read-only disk, is free", () =>
  inTestStore((testStore) =>
    inStore(
      testStore,
      Effect.gen(function* () {
        const { claim, whenFree } = yield* store;
        const remove = vi.spyOn(fs, "unlinkSync").mockImplementation(() => {
          throw Object.assign(new Error("EROFS"), { code: "EROFS" });
        });
        yield* Effect.scoped(claim("k"));
        remove.mockRestore();
        assert.deepStrictEqual(fs.readdirSync(path.join(testStore.home, "claims")), ["k"]);
        yield* whenFree("k");
        assert.isUndefined(yield* Effect.scoped(claim("k")));
        assert.deepStrictEqual(fs.readdirSync(path.join(testStore.home, "claims")), []);
      }),
    ),
  ),
);

describe("after owners/ was removed under a claim,", () => {
  const underClaim = (
    test: (testStore: TestStore, first: Store["Service"]) => Effect.Effect<unknown, unknown, Store>,
  ) =>
    inTestStore((testStore) =>
      inStore(
        testStore,
        Effect.scoped(
          Effect.gen(function* () {
            const first = yield* store;
            assert.isUndefined(yield* first.claim("k"));
            fs.rmSync(path.join(testStore.home, "owners"), { recursive: true });
            yield* test(testStore, first);
          }),
        ),
      ),
    );

  it.live("the next claim restores the lock file, and the first claim holds", () =>
    underClaim((testStore, first) =>
      Effect.gen(function* () {
        assert.isUndefined(yield* Effect.scoped(first.claim("other")));
        const another = Effect.flatMap(store, ({ claim }) => Effect.scoped(claim("k")));
        const holder = `process ${process.pid} on ${os.hostname()}`;
        assert.strictEqual(yield* inStore(testStore, another), holder);
      }),
    ),
  );

  it.live("a process that lost its claim to another records nothing", () =>
    underClaim((testStore, first) =>
      Effect.gen(function* () {
        const artifact = yield* addTree(testStore.filled({ a: "x" }));
        const recording = first.record(artifact, actionFor(artifact, "r", "k"));
        const another = Effect.gen(function* () {
          const { claim } = yield* store;
          assert.isUndefined(yield* claim("k"));
          const { message } = yield* Effect.flip(recording);
          assert.include(message, "took over a claim of this process");
        });
        yield* inStore(testStore, Effect.scoped(another));
        assert.isUndefined(yield* first.byRecipe("r"));
        const { message } = yield* Effect.flip(recording);
        assert.include(message, "another process took over", "also once the other has released it");
      }),
    ),
  );
});

it.live("a new store in the directory of a deleted one knows nothing of it", () =>
  inTestStore((testStore) =>
    Effect.gen(function* () {
      const storing = Effect.gen(function* () {
        const { record } = yield* store;
        const artifact = yield* addTree(testStore.filled({ a: "x" }));
        assert.isTrue(yield* record(artifact, actionFor(artifact, "r")));
      });
      yield* inStore(testStore, storing);
      // The directory keeps its inode, by which the index goes.
      for (const name of fs.readdirSync(testStore.home))
        fs.rmSync(path.join(testStore.home, name), { recursive: true });
      const actions = Effect.flatMap(store, ({ query }) => query((index) => index.allActions()));
      assert.deepStrictEqual(yield* inStore(testStore, actions), []);
    }),
  ),
);

describe("opened to read", () => {
  const reading = <A, E>(testStore: TestStore, effect: Effect.Effect<A, E, Store>) =>
    Effect.scoped(Effect.provide(effect, Store.layerReadOnly(testStore.home)));

  it.live("a missing store is empty and is not created", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        const found = yield* reading(
          testStore,
          Effect.flatMap(store, ({ byRecipe }) => byRecipe("r")),
        );
        assert.isUndefined(found);
        assert.isFalse(fs.existsSync(testStore.home));
      }),
    ),
  );

  it.live("a store shows its artifacts while another process writes", () =>
    inTestStore((testStore) =>
      inStore(
        testStore,
        Effect.gen(function* () {
          const { record } = yield* store;
          const artifact = yield* addTree(testStore.filled({ a: "x" }));
          yield* record(artifact, actionFor(artifact, "r"));
          const found = yield* reading(
            testStore,
            Effect.flatMap(store, ({ byRecipe }) => byRecipe("r")),
          );
          assert.deepStrictEqual(found?.artifact, artifact);
        }),
      ),
    ),
  );
});

describe("an error with a fix for", () => {
  const openFailure = (testStore: TestStore) =>
    inStore(testStore, store).pipe(
      Effect.flip,
      Effect.map(({ message, fix }) => `${message} / ${fix}`),
    );

  it.live("a store of a newer pipe", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        yield* inStore(testStore, store);
        fs.writeFileSync(path.join(testStore.home, "format"), "99\n");
        assert.match(yield* openFailure(testStore), /newer pipe \(format 99.*update pipe/u);
      }),
    ),
  );

  it.live("unreadable records of an earlier pipe", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        fs.mkdirSync(testStore.home);
        fs.writeFileSync(path.join(testStore.home, "index.sqlite"), "x".repeat(5000));
        assert.match(yield* openFailure(testStore), /not a database.*pipe fsck --repair/u);
      }),
    ),
  );

  it.live("artifacts without actions/", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        yield* inStore(testStore, addTree(testStore.filled({ a: "x" })));
        fs.rmSync(path.join(testStore.home, "actions"), { recursive: true });
        assert.match(yield* openFailure(testStore), /actions is missing.*restore it/u);
      }),
    ),
  );

  it.live("a file in the place of the store", () =>
    inTestStore((testStore) =>
      Effect.gen(function* () {
        fs.writeFileSync(testStore.home, "");
        assert.match(yield* openFailure(testStore), /can't be opened/u);
      }),
    ),
  );
});
