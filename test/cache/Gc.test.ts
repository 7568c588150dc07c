/** The moments at which gc and a commit, a look-up or a run's beginning meet. */
import { assert, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import type { RunRoot } from "../../cache/chooseGoing.ts";
import { type Runs, sweep } from "../../cache/Gc.ts";
import { Store } from "../../cache/Store.ts";
import { actionFor, addTree, type Cellar, inCellar } from "./contract.ts";

const store = Store.use((service) => Effect.succeed(service));

const live = (what: string, test: (cellar: Cellar) => Effect.Effect<unknown, unknown, Store>) =>
  it.live(what, () =>
    inCellar((cellar) => Effect.scoped(Effect.provide(test(cellar), Store.layer(cellar.home)))),
  );

const recorded = (cellar: Cellar, files: Readonly<Record<string, string>>, recipe: string) =>
  Effect.gen(function* () {
    const { record } = yield* store;
    const artifact = yield* addTree(cellar.filled(files));
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
  Effect.flatMap(store, ({ query }) => query((index) => index.artifact(digest)?.collected));

live("a run that begins after gc has looked keeps what it reaches", (cellar) =>
  Effect.gen(function* () {
    const [kept, lost] = [
      yield* recorded(cellar, { a: "kept" }, "kept"),
      yield* recorded(cellar, { a: "lost" }, "lost"),
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

live("what gc has only marked is there again for a run that asks", (cellar) =>
  Effect.gen(function* () {
    const { query, takenAway } = yield* store;
    const { digest } = yield* recorded(cellar, { a: "x" }, "r");
    yield* query((index) => index.change("UPDATE artifacts SET collected = 1"));
    assert.strictEqual((yield* takenAway(new Set([digest]))).size, 0);
    assert.isFalse(yield* isCollected(digest));
  }),
);

live(
  "an artifact whose equal gc takes between storing and recording is not recorded as there",
  (cellar) =>
    Effect.gen(function* () {
      const { record, directoryOf, byRecipe } = yield* store;
      yield* recorded(cellar, { a: "x" }, "r1");
      const output = cellar.filled({ a: "x" });
      const again = yield* addTree(output);
      yield* sweep(noRuns, {});
      assert.isFalse(fs.existsSync(directoryOf(again.digest)));
      assert.isFalse(yield* record(again, actionFor(again, "r2")));
      assert.isUndefined(yield* byRecipe("r2"));
      // What it was stored from is still there, so that it can be stored once more.
      const stored = yield* addTree(output);
      assert.isTrue(yield* record(stored, actionFor(stored, "r2")));
      assert.deepStrictEqual((yield* byRecipe("r2"))?.artifact.digest, again.digest);
    }),
);

live(
  "a process that stores what another sweeps away at the same time never misses a file",
  (cellar) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { claim, directoryOf, record } = yield* store;
        yield* claim("key");
        const child = spawn(
          process.execPath,
          [path.join(import.meta.dirname, "sweepLoop.ts"), cellar.home],
          { stdio: ["pipe", "pipe", "inherit"] },
        );
        let said = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
        yield* Effect.promise(() => once(child.stdout, "data"));
        const outside = cellar.filled({ linked: "linked" });
        for (let round = 0; round < 400; round += 1) {
          const output = cellar.filled({ same: "same", [`own ${round % 3}`]: "x" });
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
        assert.isAbove(Number(said.split("\n")[1]), 5, "gc had nothing to take");
        yield* sweep(noRuns, {});
        assert.deepStrictEqual(fs.readdirSync(path.join(cellar.home, "trees")), []);
        const kept = yield* recorded(cellar, { same: "same" }, "last");
        assert.strictEqual(
          fs.readFileSync(path.join(directoryOf(kept.digest), "same"), "utf8"),
          "same",
        );
      }),
    ),
);
