/** The contract of an executor: one suite for the port. */
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Fiber, type Layer } from "effect";
import fs from "node:fs";
import path from "node:path";
import { type Executor, type Job, runJob } from "../../executors/Executor.ts";
import type { JobEvent } from "../../schemas/Job.ts";
import { inSandbox, waitUntil, type Sandbox } from "./rig.ts";

/** True for messages of the executor itself about a job. */
const isOwnNews = (event: JobEvent): boolean =>
  event.event === "log" && /Slurm/u.test(event.message);

const run = (job: Job, onEvent: (event: JobEvent) => void = () => {}) =>
  runJob(job, (event) => Effect.sync(() => isOwnNews(event) || onEvent(event)));

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

interface Layers {
  /** Gives a job that is told to end less than two seconds. */
  readonly impatient: Layer.Layer<Executor>;
  /** Gives it half a minute, which a busy machine may need. */
  readonly patient: Layer.Layer<Executor>;
}

export const executorContract = (name: string, { impatient, patient }: Layers): void => {
  const live = (
    what: string,
    test: (sandbox: Sandbox) => Effect.Effect<void, unknown, Executor>,
    layer = impatient,
  ) => it.live(what, () => inSandbox(test).pipe(Effect.provide(layer)));

  describe(`${name} runs programs`, () => {
    live("and returns their exit code, time and memory", (sandbox) =>
      Effect.gen(function* () {
        const end = yield* run(
          sandbox.shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 7"),
        );
        assert.strictEqual(end.exitCode, 7);
        assert.isUndefined(end.signal);
        assert.isAbove(end.cpuSeconds, 0);
        assert.isAtLeast(end.wallSeconds, end.cpuSeconds / 2);
        assert.isAbove(end.maxRssBytes, 100_000);
      }),
    );

    live("and returns the signal that ended them", (sandbox) =>
      Effect.gen(function* () {
        const end = yield* run(sandbox.shell("kill -KILL $$"));
        assert.strictEqual(end.signal, "SIGKILL");
        assert.strictEqual(end.exitCode, 137);
      }),
    );

    live("with what they print appended to the log", (sandbox) =>
      Effect.gen(function* () {
        fs.writeFileSync(path.join(sandbox.directory, "log"), "before\n");
        yield* run(sandbox.shell("echo out; echo err >&2"));
        assert.strictEqual(sandbox.text("log"), "before\nout\nerr\n");
      }),
    );

    live(
      "in their directory, with an empty stdin, default signals and a session of their own",
      (sandbox) =>
        Effect.gen(function* () {
          yield* run(
            sandbox.shell(
              "pwd; cat; cut -d' ' -f6 /proc/$$/stat; echo $$; yes | head -1; kill -0 0",
            ),
          );
          const [directory, session, pid, yes, ...rest] = sandbox.text("log").split("\n");
          assert.strictEqual(directory, sandbox.directory);
          assert.strictEqual(session, pid);
          assert.strictEqual(yes, "y");
          assert.deepStrictEqual(rest, [""], "no broken pipe, no trouble with the group");
        }),
    );

    live("with the listed variables, their own, and no others", (sandbox) =>
      Effect.gen(function* () {
        process.env["PIPE_TEST_SECRET"] = "hunter2";
        yield* run(sandbox.job(["env"], { cpus: 3, environment: { MINE: "a b", LANG: "C" } }));
        delete process.env["PIPE_TEST_SECRET"];
        const environment = sandbox.text("log").split("\n");
        for (const expected of [
          "MINE=a b",
          "LANG=C",
          "OMP_NUM_THREADS=3",
          `PATH=${process.env["PATH"]}`,
        ]) {
          assert.include(environment, expected);
        }
        assert.notInclude(sandbox.text("log"), "hunter2");
      }),
    );

    live("many at once", (sandbox) =>
      Effect.gen(function* () {
        const ends = yield* Effect.forEach(
          Array.from({ length: 60 }).keys(),
          (n) => run(sandbox.apart(sandbox.shell(`exit ${n}`))),
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

    live("or fails with the reason", (sandbox) =>
      Effect.gen(function* () {
        const noProgram = yield* Effect.flip(run(sandbox.apart(sandbox.job(["no-such-program"]))));
        assert.strictEqual(noProgram._tag, "JobNotStarted");
        assert.include(noProgram.message, "no-such-program");
        const noDirectory = yield* Effect.flip(
          run(sandbox.apart(sandbox.job(["true"], { cwd: "/no/such/place" }))),
        );
        assert.strictEqual(noDirectory._tag, "JobNotStarted");
        assert.include(noDirectory.message, "/no/such/place");
        const halfCharacter = yield* Effect.flip(
          run(sandbox.apart(sandbox.job(["echo", "\ud800"]))),
        );
        assert.strictEqual(halfCharacter._tag, "JobNotStarted");
        assert.strictEqual(
          (yield* run(sandbox.apart(sandbox.job(["true"])))).exitCode,
          0,
          "and goes on",
        );
      }),
    );
  });

  describe(`${name} reports events`, () => {
    live("in order, also those written in two halves or without an end", (sandbox) =>
      Effect.gen(function* () {
        const messages: Array<string> = [];
        const script = [
          `printf '{"event":"log","level":"info","mess' >> events.jsonl`,
          `while [ ! -e go ]; do sleep 0.01; done`,
          `printf 'age":"zwei Hälften"}\\n\\n' >> events.jsonl`,
          `echo '{"event":"progress","done":1,"total":2,"unit":"steps","extra":0}' >> events.jsonl`,
          `echo 'Traceback: not an event' >> events.jsonl`,
          `printf '{"event":"metrics","step":3,"values":{"L_p":0.5}}' >> events.jsonl`,
        ];
        const fiber = yield* Effect.forkChild(
          run(sandbox.shell(script.join("\n")), (event) => messages.push(summary(event))),
        );
        yield* waitUntil("the first half", () => sandbox.text("events.jsonl") !== "");
        fs.writeFileSync(path.join(sandbox.directory, "go"), "");
        yield* Fiber.join(fiber);
        assert.deepStrictEqual(messages.slice(0, 2), ["zwei Hälften", "1/2 steps"]);
        assert.include(messages[2], "Traceback: not an event");
        assert.deepStrictEqual(messages.slice(3), ["L_p=0.5"]);
      }),
    );

    live("while the job still runs", (sandbox) =>
      Effect.gen(function* () {
        const messages: Array<string> = [];
        const job = sandbox.shell(
          `${logLine("first")}; while [ ! -e go ]; do sleep 0.01; done; ${logLine("last")}`,
        );
        const fiber = yield* Effect.forkChild(run(job, (event) => messages.push(summary(event))));
        yield* waitUntil("the first event", () => messages.length === 1);
        fs.writeFileSync(path.join(sandbox.directory, "go"), "");
        yield* Fiber.join(fiber);
        assert.deepStrictEqual(messages, ["first", "last"]);
      }),
    );

    live("ten thousand, and none of an earlier attempt", (sandbox) =>
      Effect.gen(function* () {
        fs.appendFileSync(
          path.join(sandbox.directory, "events.jsonl"),
          `{"event":"log","level":"info","message":"earlier"}\n{"half`,
        );
        const messages: Array<string> = [];
        const script = `import json
with open("events.jsonl", "a") as file:
    file.write("\\n")
    for n in range(10000): file.write(json.dumps({"event": "progress", "done": n, "total": 10000, "unit": "x"}) + "\\n")`;
        yield* run(sandbox.job(["python3", "-c", script]), (event) =>
          messages.push(summary(event)),
        );
        assert.deepStrictEqual(
          messages,
          Array.from({ length: 10_000 }, (_, n) => `${n}/10000 x`),
        );
      }),
    );

    live("also those written just before a failure", (sandbox) =>
      Effect.gen(function* () {
        const messages: Array<string> = [];
        // A busy machine may take longer than a short limit to start the program.
        for (let seconds = 1; sandbox.text("events.jsonl") === ""; seconds *= 2) {
          const job = sandbox.shell(`${logLine("stuck")}; sleep 1000`, {
            timeout: Duration.seconds(seconds),
          });
          yield* Effect.flip(run(job, (event) => messages.push(summary(event))));
        }
        assert.deepStrictEqual(messages, ["stuck"]);
      }),
    );
  });

  describe(`${name} leaves nothing behind`, () => {
    live("after an interruption", (sandbox) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(run(sandbox.stubborn()));
        yield* waitUntil("three processes", () => sandbox.up === 3);
        yield* Fiber.interrupt(fiber);
        assert.strictEqual(sandbox.survivors, 0);
      }),
    );

    live("after the time limit", (sandbox) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          run(sandbox.stubborn("stay", { timeout: Duration.millis(800) })),
        );
        assert.strictEqual(error._tag, "JobTimedOut");
        assert.strictEqual(sandbox.survivors, 0);
      }),
    );

    live("after a program that leaves a daemon", (sandbox) =>
      Effect.gen(function* () {
        const end = yield* run(sandbox.stubborn("leave"));
        assert.strictEqual(end.exitCode, 0);
        assert.strictEqual(sandbox.up, 2);
        assert.strictEqual(sandbox.survivors, 0);
      }),
    );

    live(
      "and lets a program end itself",
      (sandbox) =>
        Effect.gen(function* () {
          const job = sandbox.shell(
            `trap 'echo saved > checkpoint; exit 0' TERM; touch ready; while :; do sleep 0.01; done`,
          );
          const fiber = yield* Effect.forkChild(run(job));
          yield* waitUntil("the trap", () => sandbox.has("ready"));
          yield* Fiber.interrupt(fiber);
          assert.strictEqual(sandbox.text("checkpoint"), "saved\n");
        }),
      patient,
    );

    live("and ends one job only", (sandbox) =>
      Effect.gen(function* () {
        const other = yield* Effect.forkChild(
          run(sandbox.apart(sandbox.shell("while [ ! -e go ]; do sleep 0.01; done; exit 5"))),
        );
        const fiber = yield* Effect.forkChild(run(sandbox.stubborn()));
        yield* waitUntil("three processes", () => sandbox.up === 3);
        yield* Fiber.interrupt(fiber);
        fs.writeFileSync(path.join(sandbox.directory, "go"), "");
        assert.strictEqual((yield* Fiber.join(other)).exitCode, 5);
      }),
    );
  });
};
