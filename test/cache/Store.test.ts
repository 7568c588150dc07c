/** The store on disk: the contract, and what only a store on disk has: dead owners, formats, a reader's view. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Store } from "../../cache/Store.ts";
import { actionFor, addTree, type Cellar, inCellar, storeContract } from "./contract.ts";

storeContract("the store on disk", Store.layer);

const store = Store.use((service) => Effect.succeed(service));

const inStore = <A, E>(cellar: Cellar, effect: Effect.Effect<A, E, Store>) =>
  Effect.scoped(Effect.provide(effect, Store.layer(cellar.home)));

const sql = (cellar: Cellar, text: string) => {
  const database = new DatabaseSync(path.join(cellar.home, "index.sqlite"));
  database.exec(text);
  database.close();
};

/** Another process that claims `k` and then lives on, until it is told to end. */
const holder = async (home: string) => {
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, "holdClaim.ts"), home, "k"],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  await once(child.stdout, "data");
  return child;
};

describe("a claim of another process", () => {
  const claimed = (cellar: Cellar) =>
    inStore(
      cellar,
      Effect.flatMap(store, ({ claim }) => Effect.scoped(claim("k"))),
    );

  it.live(
    "holds while that process lives, also while it stands still, and not a moment longer",
    () =>
      inCellar((cellar) =>
        Effect.gen(function* () {
          const child = yield* Effect.promise(() => holder(cellar.home));
          const expected = `process ${child.pid} on ${os.hostname()}`;
          assert.strictEqual(yield* claimed(cellar), expected);
          child.kill("SIGSTOP");
          assert.strictEqual(yield* claimed(cellar), expected);
          child.kill("SIGKILL");
          yield* Effect.promise(() => once(child, "exit"));
          assert.isUndefined(yield* claimed(cellar));
          assert.deepStrictEqual(fs.readdirSync(path.join(cellar.home, "owners")), []);
        }),
      ),
  );

  it.live("that was taken over is not released by the one it was taken from", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        yield* inStore(
          cellar,
          Effect.gen(function* () {
            const { claim } = yield* store;
            yield* Effect.scoped(
              Effect.andThen(
                claim("k"),
                Effect.sync(() => sql(cellar, "UPDATE claims SET token = 'of another'")),
              ),
            );
          }),
        );
        const database = new DatabaseSync(path.join(cellar.home, "index.sqlite"));
        assert.strictEqual(
          database.prepare("SELECT token FROM claims").get()?.["token"],
          "of another",
        );
        database.close();
      }),
    ),
  );
});

it.live("a claim that could not be written off, as on a full disk, is free all the same", () =>
  inCellar((cellar) =>
    Effect.gen(function* () {
      const rows = () => {
        const database = new DatabaseSync(path.join(cellar.home, "index.sqlite"));
        const { count } = database.prepare("SELECT count(*) AS count FROM claims").get() ?? {};
        database.close();
        return count;
      };
      yield* inStore(
        cellar,
        Effect.gen(function* () {
          const { claim, whenFree } = yield* store;
          sql(
            cellar,
            "CREATE TRIGGER full BEFORE DELETE ON claims BEGIN SELECT RAISE(FAIL, 'disk is full'); END",
          );
          yield* Effect.scoped(claim("k"));
          assert.strictEqual(rows(), 1);
          yield* Effect.timeout(whenFree("k"), "5 seconds");
          assert.isUndefined(yield* Effect.scoped(claim("k")));
          yield* Effect.scoped(claim("other"));
          assert.strictEqual(rows(), 2);
          sql(cellar, "DROP TRIGGER full");
          yield* whenFree("k");
          assert.strictEqual(rows(), 0);
        }),
      );
    }),
  ),
);

describe("where somebody removes owners/ under a claim", () => {
  const underClaim = (
    test: (cellar: Cellar, first: Store["Service"]) => Effect.Effect<unknown, unknown, Store>,
  ) =>
    inCellar((cellar) =>
      inStore(
        cellar,
        Effect.scoped(
          Effect.gen(function* () {
            const first = yield* store;
            assert.isUndefined(yield* first.claim("k"));
            fs.rmSync(path.join(cellar.home, "owners"), { recursive: true });
            yield* test(cellar, first);
          }),
        ),
      ),
    );

  it.live("the next claim shows life again, and the first one holds", () =>
    underClaim((cellar, first) =>
      Effect.gen(function* () {
        assert.isUndefined(yield* Effect.scoped(first.claim("other")));
        const another = Effect.flatMap(store, ({ claim }) => Effect.scoped(claim("k")));
        const holder = `process ${process.pid} on ${os.hostname()}`;
        assert.strictEqual(yield* inStore(cellar, another), holder);
      }),
    ),
  );

  it.live("and another takes it, the first records nothing", () =>
    underClaim((cellar, first) =>
      Effect.gen(function* () {
        const artifact = yield* addTree(cellar.filled({ a: "x" }));
        const recording = first.record(artifact, actionFor(artifact, "r", "k"));
        const another = Effect.gen(function* () {
          const { claim } = yield* store;
          assert.isUndefined(yield* claim("k"));
          const { message } = yield* Effect.flip(recording);
          assert.include(message, "took over what this one was making");
        });
        yield* inStore(cellar, Effect.scoped(another));
        assert.isUndefined(yield* first.byRecipe("r"));
        assert.isTrue(yield* recording);
      }),
    ),
  );
});

describe("opened to read", () => {
  const reading = <A, E>(cellar: Cellar, effect: Effect.Effect<A, E, Store>) =>
    Effect.scoped(Effect.provide(effect, Store.layerReadOnly(cellar.home)));

  it.live("a missing store is an empty one, and is not made", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        const found = yield* reading(
          cellar,
          Effect.flatMap(store, ({ byRecipe }) => byRecipe("r")),
        );
        assert.isUndefined(found);
        assert.isFalse(fs.existsSync(cellar.home));
      }),
    ),
  );

  it.live("a store shows what is in it, also while another writes", () =>
    inCellar((cellar) =>
      inStore(
        cellar,
        Effect.gen(function* () {
          const { record } = yield* store;
          const artifact = yield* addTree(cellar.filled({ a: "x" }));
          yield* record(artifact, actionFor(artifact, "r"));
          const found = yield* reading(
            cellar,
            Effect.flatMap(store, ({ byRecipe }) => byRecipe("r")),
          );
          assert.deepStrictEqual(found?.artifact, artifact);
        }),
      ),
    ),
  );
});

describe("trouble is said with a way out:", () => {
  const openFailure = (cellar: Cellar) =>
    inStore(cellar, store).pipe(
      Effect.flip,
      Effect.map(({ message, fix }) => `${message} / ${fix}`),
    );

  it.live("a store that a newer pipe has written", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        yield* inStore(cellar, store);
        sql(cellar, "PRAGMA user_version = 99");
        assert.match(yield* openFailure(cellar), /newer pipe \(format 99.*update pipe/u);
      }),
    ),
  );

  it.live("an index that is no database", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        fs.mkdirSync(cellar.home);
        fs.writeFileSync(path.join(cellar.home, "index.sqlite"), "x".repeat(5000));
        assert.match(yield* openFailure(cellar), /not a database.*pipe fsck --repair/u);
      }),
    ),
  );

  it.live("a store where a file stands", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        fs.writeFileSync(cellar.home, "");
        assert.match(yield* openFailure(cellar), /can't be opened/u);
      }),
    ),
  );
});
