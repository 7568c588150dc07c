/** The local executor: the contract, and what becomes of jobs when those who watch over them are killed. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Executor, type Job } from "../../executors/Executor.ts";
import { Local } from "../../executors/Local.ts";
import { executorContract } from "./contract.ts";
import { inYard, parentOf, startOwner, waitUntil, watchersOf, type Yard } from "./rig.ts";

const impatient = Local.layerWith({ grace: "300 millis", leftoverGrace: "100 millis" });

executorContract("the local executor", impatient);

const run = (job: Job) =>
  Effect.flatMap(Executor, (executor) => executor.run(job, () => Effect.void));

const childrenOf = (parent: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && parentOf(name) === parent)
    .map(Number);

describe("kill -9", () => {
  const live = (what: string, test: (yard: Yard) => Effect.Effect<void, unknown, Executor>) =>
    it.live(what, () => inYard(test).pipe(Effect.provide(impatient)), 60_000);

  const started = Effect.fnUntraced(function* (yard: Yard) {
    const fiber = yield* Effect.forkChild(run(yard.stubborn()));
    yield* waitUntil("three processes", () => yard.up === 3);
    return { fiber, ...watchersOf(yard) };
  });

  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
    live(`of the owner, here ${signal}, ends its jobs`, (yard) =>
      Effect.gen(function* () {
        const owner = startOwner({ grace: "300 millis" }, [yard.stubborn()]);
        yield* waitUntil("three processes", () => yard.up === 3);
        owner.kill(signal);
        yield* waitUntil("no survivors", () => yard.survivors === 0);
      }),
    );
  }

  live("of the supervisor ends its jobs and is told", (yard) =>
    Effect.gen(function* () {
      const { fiber, supervisor } = yield* started(yard);
      process.kill(supervisor, "SIGKILL");
      const error = yield* Effect.flip(Fiber.join(fiber));
      assert.strictEqual(error._tag, "SupervisorLost");
      assert.strictEqual(yard.survivors, 0);
      assert.strictEqual(
        (yield* run(yard.shell("exit 4"))).exitCode,
        4,
        "the next job gets a new supervisor",
      );
    }),
  );

  live("of a job's reaper ends that job alone", (yard) =>
    Effect.gen(function* () {
      const other = yield* Effect.forkChild(run(yard.shell("sleep 2; exit 6")));
      const { fiber, reaper } = yield* started(yard);
      process.kill(reaper, "SIGKILL");
      const error = yield* Effect.flip(Fiber.join(fiber));
      assert.strictEqual(error._tag, "SupervisorLost");
      assert.strictEqual(yard.up, 3);
      assert.strictEqual((yield* Fiber.join(other)).exitCode, 6);
      assert.strictEqual(yard.survivors, 0);
    }),
  );

  live("of a reaper between two jobs loses neither", (yard) =>
    Effect.gen(function* () {
      const { fiber, reaper } = yield* started(yard);
      const next = yard.job(["sh", "-c", "echo $PPID; exit 5"]);
      yield* Fiber.interrupt(fiber); // takes its reaper along
      yield* run(next);
      const vacant = Number(yard.text("log").trim().split("\n").at(-1));
      assert.notStrictEqual(vacant, reaper);
      process.kill(vacant, "SIGKILL");
      yield* waitUntil("its end", () => parentOf(vacant) === 0);
      assert.strictEqual((yield* run(yard.shell("exit 4"))).exitCode, 4);
    }),
  );

  live("of supervisor and reaper at once leaves no orphans", (yard) =>
    Effect.gen(function* () {
      const { fiber, reaper, supervisor } = yield* started(yard);
      process.kill(supervisor, "SIGSTOP"); // so that it cannot notice the other's end
      process.kill(reaper, "SIGKILL");
      process.kill(supervisor, "SIGKILL");
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "SupervisorLost");
      assert.strictEqual(yard.survivors, 0);
    }),
  );
});

describe("the supervisor", () => {
  it.live("is one for all jobs, in a session of its own, and ends with the layer", () =>
    inYard((yard) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(run(yard.stubborn()).pipe(Effect.provide(impatient)));
        yield* waitUntil("three processes", () => yard.up === 3);
        const { supervisor } = watchersOf(yard);
        assert.include(childrenOf(process.pid), supervisor);
        const [session] = readFileSync(`/proc/${supervisor}/stat`, "latin1")
          .split(") ")[1]!
          .split(" ")
          .slice(3);
        assert.strictEqual(Number(session), supervisor);
        yield* Fiber.interrupt(fiber);
        yield* waitUntil("its end", () => !childrenOf(process.pid).includes(supervisor));
      }),
    ),
  );

  it.live("has a Python when PIPE_PYTHON is set to nothing", () =>
    inYard((yard) =>
      Effect.gen(function* () {
        process.env["PIPE_PYTHON"] = "";
        const end = yield* run(yard.shell("exit 3")).pipe(Effect.provide(impatient));
        delete process.env["PIPE_PYTHON"];
        assert.strictEqual(end.exitCode, 3);
      }),
    ),
  );

  it.live("that cannot start says so", () =>
    inYard((yard) =>
      Effect.gen(function* () {
        process.env["PIPE_PYTHON"] = join(yard.directory, "no-python");
        const error = yield* Effect.flip(run(yard.shell("exit 0")).pipe(Effect.provide(impatient)));
        delete process.env["PIPE_PYTHON"];
        assert.strictEqual(error._tag, "JobNotStarted");
        assert.include(error.message, "no-python");
        assert.include(error.fix, "PIPE_PYTHON");
      }),
    ),
  );
});
