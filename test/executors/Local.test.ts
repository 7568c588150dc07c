/** The local executor: the contract, and jobs whose owner, supervisor or reaper is killed. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { type Executor, type Job, runJob } from "../../executors/Executor.ts";
import { Local } from "../../executors/Local.ts";
import { executorContract } from "./contract.ts";
import { inSandbox, parentOf, startOwner, waitUntil, watchersOf, type Sandbox } from "./rig.ts";

const impatient = Local.layerWith({ grace: "300 millis", leftoverGrace: "100 millis" });

executorContract("the local executor", {
  impatient,
  patient: Local.layerWith({ grace: "30 seconds" }),
});

const run = (job: Job) => runJob(job, () => Effect.void);

const childrenOf = (parent: number): ReadonlyArray<number> =>
  fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && parentOf(name) === parent)
    .map(Number);

describe("kill -9", () => {
  const live = (what: string, test: (sandbox: Sandbox) => Effect.Effect<void, unknown, Executor>) =>
    it.live(what, () => inSandbox(test).pipe(Effect.provide(impatient)));

  const started = Effect.fnUntraced(function* (sandbox: Sandbox) {
    const fiber = yield* Effect.forkChild(run(sandbox.stubborn()));
    yield* waitUntil("three processes", () => sandbox.up === 3);
    return { fiber, ...watchersOf(sandbox) };
  });

  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
    live(`of the owner, or ${signal}, ends its jobs`, (sandbox) =>
      Effect.gen(function* () {
        const owner = startOwner({ grace: "300 millis" }, [sandbox.stubborn()]);
        yield* waitUntil("three processes", () => sandbox.up === 3);
        owner.kill(signal);
        yield* waitUntil("no survivors", () => sandbox.survivors === 0);
      }),
    );
  }

  live("of the supervisor ends its jobs and is reported", (sandbox) =>
    Effect.gen(function* () {
      const { fiber, supervisor } = yield* started(sandbox);
      process.kill(supervisor, "SIGKILL");
      const error = yield* Effect.flip(Fiber.join(fiber));
      assert.strictEqual(error._tag, "JobLost");
      assert.strictEqual(sandbox.survivors, 0);
      assert.strictEqual(
        (yield* run(sandbox.shell("exit 4"))).exitCode,
        4,
        "the next job gets a new supervisor",
      );
    }),
  );

  live("of a job's reaper ends that job alone", (sandbox) =>
    Effect.gen(function* () {
      const other = yield* Effect.forkChild(
        run(sandbox.shell("while [ ! -e go ]; do sleep 0.01; done; exit 6")),
      );
      const { fiber, reaper } = yield* started(sandbox);
      process.kill(reaper, "SIGKILL");
      const error = yield* Effect.flip(Fiber.join(fiber));
      assert.strictEqual(error._tag, "JobLost");
      assert.strictEqual(sandbox.up, 3);
      fs.writeFileSync(path.join(sandbox.directory, "go"), "");
      assert.strictEqual((yield* Fiber.join(other)).exitCode, 6);
      assert.strictEqual(sandbox.survivors, 0);
    }),
  );

  live("of a reaper between two jobs loses neither", (sandbox) =>
    Effect.gen(function* () {
      const { fiber, reaper } = yield* started(sandbox);
      const next = sandbox.job(["sh", "-c", "echo $PPID; exit 5"]);
      yield* Fiber.interrupt(fiber); // ends its reaper, too
      yield* run(next);
      const vacant = Number(sandbox.text("log").trim().split("\n").at(-1));
      assert.notStrictEqual(vacant, reaper);
      process.kill(vacant, "SIGKILL");
      yield* waitUntil("its end", () => parentOf(vacant) === 0);
      assert.strictEqual((yield* run(sandbox.shell("exit 4"))).exitCode, 4);
    }),
  );

  live("of supervisor and reaper at once leaves no orphans", (sandbox) =>
    Effect.gen(function* () {
      const { fiber, reaper, supervisor } = yield* started(sandbox);
      process.kill(supervisor, "SIGSTOP"); // stopped, so that it cannot notice the other's end
      process.kill(reaper, "SIGKILL");
      process.kill(supervisor, "SIGKILL");
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber)))._tag, "JobLost");
      assert.strictEqual(sandbox.survivors, 0);
    }),
  );
});

describe("the supervisor", () => {
  it.live("is one for all jobs, in a session of its own, and ends with the layer", () =>
    inSandbox((sandbox) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          run(sandbox.stubborn()).pipe(Effect.provide(impatient)),
        );
        yield* waitUntil("three processes", () => sandbox.up === 3);
        const { supervisor } = watchersOf(sandbox);
        assert.include(childrenOf(process.pid), supervisor);
        const [session] = fs
          .readFileSync(`/proc/${supervisor}/stat`, "latin1")
          .split(") ")[1]!
          .split(" ")
          .slice(3);
        assert.strictEqual(Number(session), supervisor);
        yield* Fiber.interrupt(fiber);
        yield* waitUntil("its end", () => !childrenOf(process.pid).includes(supervisor));
      }),
    ),
  );

  it.live("finds a Python when PIPE_PYTHON is empty", () =>
    inSandbox((sandbox) =>
      Effect.gen(function* () {
        process.env["PIPE_PYTHON"] = "";
        const end = yield* run(sandbox.shell("exit 3")).pipe(Effect.provide(impatient));
        delete process.env["PIPE_PYTHON"];
        assert.strictEqual(end.exitCode, 3);
      }),
    ),
  );

  it.live("that cannot start is an error with a fix", () =>
    inSandbox((sandbox) =>
      Effect.gen(function* () {
        process.env["PIPE_PYTHON"] = path.join(sandbox.directory, "no-python");
        const error = yield* Effect.flip(
          run(sandbox.shell("exit 0")).pipe(Effect.provide(impatient)),
        );
        delete process.env["PIPE_PYTHON"];
        assert.strictEqual(error._tag, "JobNotStarted");
        assert.include(error.message, "no-python");
        assert.include(error.fix, "PIPE_PYTHON");
      }),
    ),
  );

  it("that gets no pipes, since too many files are open, is an error", () => {
    const crowded = path.join(import.meta.dirname, "programs/crowded.ts");
    const program = { id: "one", command: ["true"], cwd: "/", environment: {}, log: "/dev/null" };
    const shown = execFileSync(
      "sh",
      [
        "-c",
        'ulimit -n 200; exec "$@"',
        "sh",
        process.execPath,
        crowded,
        JSON.stringify({ ...program, gpus: 0 }),
      ],
      { encoding: "utf8" },
    );
    assert.match(shown, /^JobNotStarted: .*EMFILE$/mu);
  });
});
