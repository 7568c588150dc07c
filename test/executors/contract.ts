/** What every executor must do: one suite for the port. */
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Fiber, type Layer } from "effect";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Executor, type Job } from "../../executors/Executor.ts";
import type { JobEvent } from "../../schemas/Job.ts";
import { inYard, waitUntil, type Yard } from "./rig.ts";

const run = (job: Job, onEvent: (event: JobEvent) => void = () => {}) =>
  Effect.gen(function* () {
    const executor = yield* Executor;
    return yield* executor.run(job, (event) => Effect.sync(() => onEvent(event)));
  });

/** The suite is as long as the time `layer` gives a job between TERM and KILL, a few times over. */
const summary = (event: JobEvent): string => {
  switch (event.event) {
    case "log":
      return event.message;
    case "progress":
      return `${event.done}/${event.total} ${event.unit}`;
    case "metrics":
      return Object.entries(event.values)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ");
  }
};

/** Shell that writes one event. */
const logLine = (message: string): string =>
  `echo '{"event":"log","level":"info","message":"${message}"}' >> events.jsonl`;

export const executorContract = (name: string, layer: Layer.Layer<Executor>): void => {
  const live = (what: string, test: (yard: Yard) => Effect.Effect<void, unknown, Executor>) =>
    it.live(what, () => inYard(test).pipe(Effect.provide(layer)), 60_000);

  describe(`${name} runs programs`, () => {
    live("and says their exit code, time and memory", (yard) =>
      Effect.gen(function* () {
        const end = yield* run(
          yard.shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 7"),
        );
        assert.strictEqual(end.exitCode, 7);
        assert.isUndefined(end.signal);
        assert.isAbove(end.cpuSeconds, 0);
        assert.isAtLeast(end.wallSeconds, end.cpuSeconds / 2);
        assert.isAbove(end.maxRssBytes, 100_000);
      }),
    );

    live("and says the signal that ended them", (yard) =>
      Effect.gen(function* () {
        const end = yield* run(yard.shell("kill -KILL $$"));
        assert.strictEqual(end.signal, "SIGKILL");
        assert.strictEqual(end.exitCode, 137);
      }),
    );

    live("with what they print appended to the log", (yard) =>
      Effect.gen(function* () {
        writeFileSync(join(yard.directory, "log"), "before\n");
        yield* run(yard.shell("echo out; echo err >&2"));
        assert.strictEqual(yard.text("log"), "before\nout\nerr\n");
      }),
    );

    live(
      "in their directory, with an empty stdin, default signals and a session of their own",
      (yard) =>
        Effect.gen(function* () {
          yield* run(
            yard.shell("pwd; cat; cut -d' ' -f6 /proc/$$/stat; echo $$; yes | head -1; kill -0 0"),
          );
          const [directory, session, pid, yes, ...rest] = yard.text("log").split("\n");
          assert.strictEqual(directory, yard.directory);
          assert.strictEqual(session, pid);
          assert.strictEqual(yes, "y");
          assert.deepStrictEqual(rest, [""], "no broken pipe, no trouble with the group");
        }),
    );

    live("that get listed variables, theirs, and nothing else", (yard) =>
      Effect.gen(function* () {
        process.env["PIPE_TEST_SECRET"] = "hunter2";
        yield* run(yard.job(["env"], { cpus: 3, environment: { MINE: "a b", LANG: "C" } }));
        delete process.env["PIPE_TEST_SECRET"];
        const environment = yard.text("log").split("\n");
        for (const expected of [
          "MINE=a b",
          "LANG=C",
          "OMP_NUM_THREADS=3",
          `PATH=${process.env["PATH"]}`,
        ]) {
          assert.include(environment, expected);
        }
        assert.notInclude(yard.text("log"), "hunter2");
      }),
    );

    live("many at once", (yard) =>
      Effect.gen(function* () {
        const ends = yield* Effect.forEach(
          Array.from({ length: 60 }).keys(),
          (n) => run(yard.shell(`exit ${n}`)),
          {
            concurrency: "unbounded",
          },
        );
        assert.deepStrictEqual(
          ends.map((end) => end.exitCode),
          [...Array.from({ length: 60 }).keys()],
        );
      }),
    );

    live("or says why it cannot", (yard) =>
      Effect.gen(function* () {
        const noProgram = yield* Effect.flip(run(yard.job(["no-such-program"])));
        assert.strictEqual(noProgram._tag, "JobNotStarted");
        assert.include(noProgram.message, "no-such-program");
        const noDirectory = yield* Effect.flip(run(yard.job(["true"], { cwd: "/no/such/place" })));
        assert.strictEqual(noDirectory._tag, "JobNotStarted");
        assert.include(noDirectory.message, "/no/such/place");
        const halfCharacter = yield* Effect.flip(run(yard.job(["echo", "\ud800"])));
        assert.strictEqual(halfCharacter._tag, "JobNotStarted");
        assert.strictEqual((yield* run(yard.job(["true"]))).exitCode, 0, "and goes on");
      }),
    );
  });

  describe(`${name} tells events`, () => {
    live("in order, those in two halves and those without an end included", (yard) =>
      Effect.gen(function* () {
        const told: Array<string> = [];
        const script = [
          `printf '{"event":"log","level":"info","mess' >> events.jsonl`,
          `while [ ! -e go ]; do sleep 0.01; done`,
          `printf 'age":"zwei Hälften"}\\n\\n' >> events.jsonl`,
          `echo '{"event":"progress","done":1,"total":2,"unit":"steps","extra":0}' >> events.jsonl`,
          `echo 'Traceback: not an event' >> events.jsonl`,
          `printf '{"event":"metrics","step":3,"values":{"L_p":0.5}}' >> events.jsonl`,
        ];
        const fiber = yield* Effect.forkChild(
          run(yard.shell(script.join("\n")), (event) => told.push(summary(event))),
        );
        yield* waitUntil("the first half", () => yard.text("events.jsonl") !== "");
        writeFileSync(join(yard.directory, "go"), "");
        yield* Fiber.join(fiber);
        assert.deepStrictEqual(told.slice(0, 2), ["zwei Hälften", "1/2 steps"]);
        assert.include(told[2], "Traceback: not an event");
        assert.deepStrictEqual(told.slice(3), ["L_p=0.5"]);
      }),
    );

    live("while the job still runs", (yard) =>
      Effect.gen(function* () {
        const told: Array<string> = [];
        const job = yard.shell(
          `${logLine("first")}; while [ ! -e go ]; do sleep 0.01; done; ${logLine("last")}`,
        );
        const fiber = yield* Effect.forkChild(run(job, (event) => told.push(summary(event))));
        yield* waitUntil("the first event", () => told.length === 1);
        writeFileSync(join(yard.directory, "go"), "");
        yield* Fiber.join(fiber);
        assert.deepStrictEqual(told, ["first", "last"]);
      }),
    );

    live("ten thousand of them, and none of an earlier attempt", (yard) =>
      Effect.gen(function* () {
        appendFileSync(
          join(yard.directory, "events.jsonl"),
          `{"event":"log","level":"info","message":"earlier"}\n{"half`,
        );
        const told: Array<string> = [];
        const script = `import json
with open("events.jsonl", "a") as file:
    file.write("\\n")
    for n in range(10000): file.write(json.dumps({"event": "progress", "done": n, "total": 10000, "unit": "x"}) + "\\n")`;
        yield* run(yard.job(["python3", "-c", script]), (event) => told.push(summary(event)));
        assert.deepStrictEqual(
          told,
          Array.from({ length: 10_000 }, (_, n) => `${n}/10000 x`),
        );
      }),
    );

    live("those written just before a failure too", (yard) =>
      Effect.gen(function* () {
        const told: Array<string> = [];
        const job = yard.shell(`${logLine("stuck")}; sleep 100`, { timeout: Duration.millis(300) });
        yield* Effect.flip(run(job, (event) => told.push(summary(event))));
        assert.deepStrictEqual(told, ["stuck"]);
      }),
    );
  });

  describe(`${name} leaves nothing behind`, () => {
    live("after an interruption", (yard) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(run(yard.stubborn()));
        yield* waitUntil("three processes", () => yard.up === 3);
        yield* Fiber.interrupt(fiber);
        assert.strictEqual(yard.survivors, 0);
      }),
    );

    live("after the time limit", (yard) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          run(yard.stubborn("stay", { timeout: Duration.millis(800) })),
        );
        assert.strictEqual(error._tag, "JobTimedOut");
        assert.strictEqual(yard.survivors, 0);
      }),
    );

    live("after a program that left a daemon", (yard) =>
      Effect.gen(function* () {
        const end = yield* run(yard.stubborn("leave"));
        assert.strictEqual(end.exitCode, 0);
        assert.strictEqual(yard.up, 2);
        assert.strictEqual(yard.survivors, 0);
      }),
    );

    live("and lets a program end itself", (yard) =>
      Effect.gen(function* () {
        const job = yard.shell(
          `trap 'echo saved > checkpoint; exit 0' TERM; touch ready; while :; do sleep 0.01; done`,
        );
        const fiber = yield* Effect.forkChild(run(job));
        yield* waitUntil("the trap", () => yard.has("ready"));
        yield* Fiber.interrupt(fiber);
        assert.strictEqual(yard.text("checkpoint"), "saved\n");
      }),
    );

    live("and ends one job only", (yard) =>
      Effect.gen(function* () {
        const other = yield* Effect.forkChild(
          run(yard.shell("while [ ! -e go ]; do sleep 0.01; done; exit 5")),
        );
        const fiber = yield* Effect.forkChild(run(yard.stubborn()));
        yield* waitUntil("three processes", () => yard.up === 3);
        yield* Fiber.interrupt(fiber);
        writeFileSync(join(yard.directory, "go"), "");
        assert.strictEqual((yield* Fiber.join(other)).exitCode, 5);
      }),
    );
  });
};
