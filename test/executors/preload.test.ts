/** Jobs that are forked from a process with their packages imported behave like jobs that are started. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { Executor, type Job, runJob } from "../../executors/Executor.ts";
import { Local } from "../../executors/Local.ts";
import { inSandbox, startOwner, waitUntil, type Sandbox } from "./rig.ts";

const impatient = Local.layerWith({ grace: "300 millis", leftoverGrace: "100 millis" });

const live = (what: string, test: (sandbox: Sandbox) => Effect.Effect<void, unknown, Executor>) =>
  it.live(what, () => inSandbox(test).pipe(Effect.provide(impatient)));

const run = (job: Job, messages: Array<string> = []) =>
  runJob(job, (event) =>
    Effect.sync(() => {
      if (event.event === "log") messages.push(event.message);
    }),
  );

/** The interpreter, not a version manager's wrapper, which adds variables. */
const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8",
}).trim();

/** A file of imports that adds a line to `preloaded` each time it runs. */
const preloadOf = (sandbox: Sandbox, imports = "import decimal"): string => {
  const file = path.join(sandbox.directory, "preload.py");
  const trace = JSON.stringify(path.join(sandbox.directory, "preloaded"));
  fs.writeFileSync(file, `${imports}\nprint("once", file=open(${trace}, "a"))\n`);
  return file;
};

const program = (sandbox: Sandbox, name: string, text: string, more: Partial<Job> = {}): Job => {
  fs.writeFileSync(path.join(sandbox.directory, `${name}.py`), text);
  return sandbox.job([python, "-m", name, "first", "--second"], more);
};

/** Imports that never end. */
const sleepless = "import time\nwhile True: time.sleep(1)";

const endless = "import time; open('up', 'w')\nwhile True: time.sleep(1)";

describe("a forked job", () => {
  live("sees the same as a started one", (sandbox) =>
    Effect.gen(function* () {
      fs.copyFileSync(
        path.join(import.meta.dirname, "programs/describe.py"),
        path.join(sandbox.directory, "program.py"),
      );
      const job = sandbox.job([python, "-m", "program", "first", "--second"], {
        environment: { ...sandbox.environment, OPENBLAS_NUM_THREADS: "3" },
      });
      const started = yield* run(job);
      const forked = yield* run({ ...job, preload: preloadOf(sandbox) });
      assert.strictEqual(started.exitCode, 7);
      assert.strictEqual(forked.exitCode, 7);
      const [first, second] = sandbox
        .text("log")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, any>);
      for (const seen of [first, second]) delete seen!["environment"]["PIPE_SUPERVISOR"];
      assert.deepStrictEqual(second, first);
      assert.strictEqual(sandbox.text("preloaded"), "once\n");
    }),
  );

  live(
    "finds packages imported, once for all jobs, and imports its own modules as they are now",
    (sandbox) =>
      Effect.gen(function* () {
        const preload = preloadOf(sandbox);
        const text = (word: string) => `import sys; print("decimal" in sys.modules, "${word}")`;
        yield* run(program(sandbox, "program", text("first"), { preload }));
        yield* run(program(sandbox, "program", text("edited"), { preload }));
        assert.strictEqual(sandbox.text("log"), "True first\nTrue edited\n");
        assert.strictEqual(sandbox.text("preloaded"), "once\n");
      }),
  );

  live(
    "finds the GPUs that it was leased, and only jobs of one environment share a preload",
    (sandbox) =>
      Effect.gen(function* () {
        const preload = preloadOf(sandbox);
        const text = `import os; print(os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("KIND"))`;
        for (const more of [{ CUDA_VISIBLE_DEVICES: "3" }, { KIND: "other" }])
          yield* run(
            program(sandbox, "program", text, {
              preload,
              environment: { ...sandbox.environment, ...more },
            }),
          );
        assert.strictEqual(sandbox.text("log"), "3 None\n other\n");
        assert.strictEqual(sandbox.text("preloaded"), "once\nonce\n");
      }),
  );

  live("ends like a program: traceback, exit functions, threads, signals", (sandbox) =>
    Effect.gen(function* () {
      const preload = preloadOf(sandbox);
      const ends = [
        [`raise ValueError("no luck")`, 1],
        [`import sys; sys.exit("a reason")`, 1],
        [`import atexit; atexit.register(print, "at the end"); print("first")`, 0],
        [`import threading, time; threading.Timer(0.1, print, ["a thread"]).start()`, 0],
        [`import os; os.kill(os.getpid(), 9)`, 137],
        [`import os; os.kill(os.getpid(), 15)`, 143],
      ] as const;
      for (const [text, code] of ends)
        assert.strictEqual(
          (yield* run(program(sandbox, "program", text, { preload }))).exitCode,
          code,
        );
      const log = sandbox.text("log");
      assert.match(log, /^Traceback .*\n +File "[^"]*runpy/u);
      assert.match(log, /ValueError: no luck\na reason\nfirst\nat the end\na thread\n$/u);
    }),
  );

  live("has time and memory of its own", (sandbox) =>
    Effect.gen(function* () {
      const used = JSON.stringify(path.join(sandbox.directory, "used"));
      const preload = preloadOf(
        sandbox,
        `import time; sum(range(50_000_000)); open(${used}, "w").write(str(time.process_time()))`,
      );
      const { cpuSeconds, maxRssBytes } = yield* run(
        program(sandbox, "program", "pass", { preload }),
      );
      assert.isBelow(cpuSeconds, Number(sandbox.text("used")) / 2, "the preload's does not count");
      assert.isAbove(maxRssBytes, 1_000_000);
    }),
  );
});

describe("a preload", () => {
  for (const [why, imports, expected] of [
    ["fails", "import no_such_package", /No module named 'no_such_package'/u],
    [
      "starts a thread",
      "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
      /starts threads, which a fork does not copy \(python/u,
    ],
  ] as const)
    live(`that ${why} is reported once, and jobs start without it`, (sandbox) =>
      Effect.gen(function* () {
        const preload = preloadOf(sandbox, imports);
        const messages: Array<string> = [];
        if (why === "fails") {
          const job = program(sandbox, "program", "", { preload });
          yield* Effect.flatMap(Executor, (executor) => executor.prepare(job));
          yield* waitUntil("its failure", () => sandbox.survivors === 0);
        }
        for (const word of ["first", "second"]) {
          const job = program(sandbox, "program", `print("${word}")`, { preload });
          assert.strictEqual((yield* run(job, messages)).exitCode, 0);
        }
        assert.strictEqual(sandbox.text("log"), "first\nsecond\n");
        assert.strictEqual(messages.length, 1);
        assert.match(messages[0]!, expected);
      }),
    );

  live(
    "that no process can be started for is reported once, and jobs start without it",
    (sandbox) =>
      Effect.gen(function* () {
        const messages: Array<string> = [];
        const preload = "x".repeat(200_000); // Linux gives no process so long an argument
        for (const word of ["first", "second"]) {
          const job = program(sandbox, "program", `print("${word}")`, { preload });
          yield* Effect.flatMap(Executor, (executor) => executor.prepare(job));
          assert.strictEqual((yield* run(job, messages)).exitCode, 0);
        }
        assert.strictEqual(sandbox.text("log"), "first\nsecond\n");
        assert.strictEqual(messages.length, 1);
        assert.match(messages[0]!, /spawn E2BIG/u);
      }),
  );

  live("that fails is reported once where several jobs wait for it", (sandbox) =>
    Effect.gen(function* () {
      const preload = preloadOf(sandbox, "import time; time.sleep(0.5); import no_such_package");
      const messages: Array<string> = [];
      const jobs = ["first", "second", "third"].map((name) =>
        sandbox.apart(program(sandbox, name, "pass", { preload })),
      );
      yield* Effect.forEach(jobs, (job) => run(job, messages), { concurrency: "unbounded" });
      assert.strictEqual(messages.length, 1);
    }),
  );

  live("may start any number of threads that end before a fork", (sandbox) =>
    Effect.gen(function* () {
      // as OpenBLAS does, of which NumPy and SciPy have a copy each
      const preload = preloadOf(
        sandbox,
        `
import os, threading
for _ in range(5):
    end = threading.Event()
    thread = threading.Thread(target=end.wait, daemon=True)
    thread.start()
    os.register_at_fork(before=lambda end=end, thread=thread: (end.set(), thread.join()))
import decimal
`,
      );
      const messages: Array<string> = [];
      const text = `import sys; print("decimal" in sys.modules)`;
      yield* run(program(sandbox, "program", text, { preload }), messages);
      assert.deepStrictEqual(messages, []);
      assert.strictEqual(sandbox.text("log"), "True\n");
    }),
  );

  live("begins before the first job when the executor prepares", (sandbox) =>
    Effect.gen(function* () {
      const job = program(sandbox, "program", "pass", { preload: preloadOf(sandbox) });
      yield* Effect.flatMap(Executor, (executor) => executor.prepare(job));
      yield* waitUntil("its end", () => sandbox.has("preloaded"));
      assert.strictEqual((yield* run(job)).exitCode, 0);
      assert.strictEqual(sandbox.text("preloaded"), "once\n");
    }),
  );

  live("does not delay an interruption", (sandbox) =>
    Effect.gen(function* () {
      const preload = preloadOf(sandbox, sleepless);
      const job = program(sandbox, "program", "pass", { preload });
      const fiber = yield* Effect.forkChild(run(job));
      yield* waitUntil("its start", () => sandbox.survivors > 0);
      yield* Fiber.interrupt(fiber);
    }),
  );
});

describe("forked jobs leave nothing behind", () => {
  live("after an interruption, and the next job is forked too", (sandbox) =>
    Effect.gen(function* () {
      const preload = preloadOf(sandbox);
      const fiber = yield* Effect.forkChild(run(program(sandbox, "endless", endless, { preload })));
      yield* waitUntil("its start", () => sandbox.has("up"));
      yield* Fiber.interrupt(fiber);
      assert.strictEqual(
        (yield* run(program(sandbox, "program", "pass", { preload }))).exitCode,
        0,
      );
      assert.strictEqual(sandbox.text("preloaded"), "once\n");
    }),
  );

  for (const [when, imports] of [
    ["with a job", ""],
    ["in the preload", sleepless],
  ] as const)
    live(`after kill -9 of the owner ${when}`, (sandbox) =>
      Effect.gen(function* () {
        const job = program(sandbox, "endless", endless, { preload: preloadOf(sandbox, imports) });
        const owner = startOwner({}, [job]);
        const begun = () => (imports === "" ? sandbox.has("up") : sandbox.survivors > 0);
        yield* waitUntil("its start", begun);
        owner.kill("SIGKILL");
        yield* waitUntil("no survivors", () => sandbox.survivors === 0);
      }),
    );
});
