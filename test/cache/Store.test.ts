/** The store on disk: the contract, and what only a store on disk has: dead owners, formats, a reader's view. */
import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect } from "effect";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { thisProcess } from "../../cache/Owner.ts";
import { Store } from "../../cache/Store.ts";
import { actionFor, type Cellar, inCellar, storeContract } from "./contract.ts";

storeContract("the store on disk", Store.layer);

const store = Store.use((service) => Effect.succeed(service));

const inStore = <A, E>(cellar: Cellar, effect: Effect.Effect<A, E, Store>) =>
  Effect.scoped(Effect.provide(effect, Store.layer(cellar.home)));

const sql = (cellar: Cellar, text: string) => {
  const database = new DatabaseSync(path.join(cellar.home, "index.sqlite"));
  database.exec(text);
  database.close();
};

describe("a claim", () => {
  const self = thisProcess();
  /** A process that has ended; its number may be given away again, its start not. */
  const gone = spawnSync("true").pid;
  const owners = {
    "of a process that has ended": [{ ...self, pid: gone }, "taken"],
    "of a process whose number another has now": [{ ...self, started: "1" }, "taken"],
    "from before the machine was started": [{ ...self, boot: "another boot" }, "taken"],
    "of a living process": [self, "waits"],
    "of a process on another machine, of which nothing is known": [
      { ...self, host: "elsewhere", boot: "", pid: 1, started: "" },
      "waits",
    ],
    "of a living process on a system that tells no start": [{ ...self, started: "" }, "waits"],
    "of a dead process on a system that tells no start": [
      { ...self, started: "", pid: gone },
      "taken",
    ],
  } as const;
  for (const [whose, [owner, expected]] of Object.entries(owners)) {
    it.live(`${whose}: ${expected}`, () =>
      inCellar((cellar) =>
        Effect.gen(function* () {
          yield* inStore(cellar, store);
          sql(cellar, `INSERT INTO claims VALUES ('k', 'token', '${JSON.stringify(owner)}')`);
          const waits = yield* Deferred.make<"waits">();
          const claimed = Effect.flatMap(store, ({ claim }) =>
            claim("k", () => Effect.asVoid(Deferred.succeed(waits, "waits"))),
          );
          const taken = Effect.as(Effect.scoped(claimed), "taken" as const);
          const outcome = yield* inStore(cellar, Effect.raceFirst(taken, Deferred.await(waits)));
          assert.strictEqual(outcome, expected);
        }),
      ),
    );
  }

  it.live("that was taken over is not released by the one it was taken from", () =>
    inCellar((cellar) =>
      Effect.gen(function* () {
        yield* inStore(
          cellar,
          Effect.gen(function* () {
            const { claim } = yield* store;
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* claim("k", () => Effect.void);
                sql(cellar, "UPDATE claims SET token = 'of another'");
              }),
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
          const { addTree, record } = yield* store;
          const artifact = yield* addTree(cellar.filled({ a: "x" }), "files");
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
        assert.match(yield* openFailure(cellar), /not a database.*move index\.sqlite/u);
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
