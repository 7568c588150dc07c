/** Races of gc with commits, look-ups and starting runs. */
import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import type { RunRoot } from "../../cache/chooseGoing.ts";
import type { Runs } from "../../cache/Gc.ts";
import { Store } from "../../cache/Store.ts";
import { sweep } from "../../cache/sweep.ts";
import { actionFor, addTree, type TestStore, inTestStore } from "./contract.ts";

const store = Store.use((service) => Effect.succeed(service));

const live = (
  what: string,
  test: (testStore: TestStore) => Effect.Effect<unknown, unknown, Store>,
) =>
  it.live(what, () =>
    inTestStore((testStore) =>
      Effect.scoped(Effect.provide(test(testStore), Store.layer(testStore.home))),
    ),
  );

const recorded = (testStore: TestStore, files: Readonly<Record<string, string>>, recipe: string) =>
  Effect.gen(function* () {
    const { record } = yield* store;
    const artifact = yield* addTree(testStore.filled(files));
    assert.isTrue(yield* record(artifact, actionFor(artifact, recipe)));
    return artifact;
  });

const noRuns: Runs = {
  names: () => [],
  read: (run) => {
    throw new Error(`there is no run ${run}`);
  },
};

const isCollected = (digest: string) =>
  Effect.flatMap(store, ({ query }) => query(({ absences }) => absences.has(digest, "collected")));

live("a run that begins after gc has planned keeps its artifacts", (testStore) =>
  Effect.gen(function* () {
    const [kept, lost] = [
      yield* recorded(testStore, { a: "kept" }, "kept"),
      yield* recorded(testStore, { a: "lost" }, "lost"),
    ];
    let asked = 0;
    const root: RunRoot = {
      run: "late",
      begunAt: 0,
      lives: true,
      recipes: new Set(["kept"]),
      artifacts: new Set(),
    };
    const runs: Runs = { names: () => (asked++ === 0 ? [] : ["late"]), read: () => root };
    const [, { spared }] = yield* sweep(runs, {});
    assert.strictEqual(spared, 1);
    assert.isFalse(yield* isCollected(kept.digest));
    assert.isTrue(yield* isCollected(lost.digest));
    const { takenAway } = yield* store;
    const taken = yield* takenAway(new Set([kept.digest, lost.digest]));
    assert.deepStrictEqual([...taken], [lost.digest]);
  }),
);

live("a run that takes the name of one that gc deletes keeps its artifacts", (testStore) =>
  Effect.gen(function* () {
    const { digest } = yield* recorded(testStore, { a: "kept" }, "kept");
    const old: RunRoot = {
      run: "sweep-1",
      begunAt: 0,
      lives: false,
      recipes: new Set(),
      artifacts: new Set(),
    };
    const young: RunRoot = { ...old, begunAt: 2, lives: true, recipes: new Set(["kept"]) };
    let asked = 0;
    const runs: Runs = { names: () => ["sweep-1"], read: () => (asked++ === 0 ? old : young) };
    const [, { spared }] = yield* sweep(runs, { before: 1 });
    assert.strictEqual(spared, 1);
    assert.isFalse(yield* isCollected(digest));
  }),
);

live("a run keeps an artifact that gc has marked and not deleted", (testStore) =>
  Effect.gen(function* () {
    const { change, takenAway } = yield* store;
    const { digest } = yield* recorded(testStore, { a: "x" }, "r");
    yield* change(({ absences }) => absences.mark(digest, "collected"));
    assert.strictEqual((yield* takenAway(new Set([digest]))).size, 0);
    assert.isFalse(yield* isCollected(digest));
  }),
);

live("an artifact that gc deletes between storing and recording is not recorded", (testStore) =>
  Effect.gen(function* () {
    const { record, directoryOf, byRecipe } = yield* store;
    yield* recorded(testStore, { a: "x" }, "r1");
    const made = testStore.filled({ a: "x" });
    const again = yield* addTree(made);
    yield* sweep(noRuns, {});
    assert.isFalse(fs.existsSync(directoryOf(again.digest)));
    assert.isFalse(yield* record(again, actionFor(again, "r2")));
    assert.isUndefined(yield* byRecipe("r2"));
    // The output is still there, so it can be stored again.
    const stored = yield* addTree(made);
    assert.isTrue(yield* record(stored, actionFor(stored, "r2")));
    assert.deepStrictEqual((yield* byRecipe("r2"))?.artifact.digest, again.digest);
  }),
);

live(
  "a process that stores the files that another deletes at the same time misses none",
  (testStore) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { claim, directoryOf, record } = yield* store;
        yield* claim("key");
        const child = spawn(
          process.execPath,
          [path.join(import.meta.dirname, "sweepLoop.ts"), testStore.home],
          { stdio: ["pipe", "pipe", "inherit"] },
        );
        let output = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
        yield* Effect.promise(() => once(child.stdout, "data"));
        const outside = testStore.filled({ linked: "linked" });
        for (let round = 0; round < 400; round += 1) {
          const output = testStore.filled({ same: "same", [`own ${round % 3}`]: "x" });
          if (round % 2 === 0)
            fs.linkSync(path.join(outside, "linked"), path.join(output, "linked"));
          for (let done = false; !done;) {
            const artifact = yield* addTree(output);
            done = yield* record(artifact, actionFor(artifact, `r${round}`));
          }
        }
        child.stdin.end();
        yield* Effect.promise(() => once(child, "exit"));
        assert.strictEqual(child.exitCode, 0);
        assert.isAbove(Number(output.split("\n")[1]), 5, "gc had nothing to take");
        yield* sweep(noRuns, {});
        assert.deepStrictEqual(fs.readdirSync(path.join(testStore.home, "trees")), []);
        const kept = yield* recorded(testStore, { same: "same" }, "last");
        assert.strictEqual(
          fs.readFileSync(path.join(directoryOf(kept.digest), "same"), "utf8"),
          "same",
        );
      }),
    ),
);
