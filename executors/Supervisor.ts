/**
 * The supervisor of this `pipe` process (`supervise.py`): a fork server that starts programs and leaves none of their
 * processes behind. The first program starts it; it ends, with all programs, when the scope ends or this process dies in
 * any way. Programs with a preload have a supervisor of their own, which forks them with their packages imported.
 */
import { Context, Duration, Effect, Layer, Queue } from "effect";
import { JobNotStarted, JobLost, type JobEnd } from "./Executor.ts";
import { type Answer, isAnswer, type News, type Preload, type Program } from "./Program.ts";
import type { SupervisorConnection } from "./SupervisorConnection.ts";

export interface SupervisorOptions {
  /** Time between TERM and KILL for a program that is ended. */
  readonly grace: Duration.Input;
  /** The same for processes that a program leaves running when it ends by itself. */
  readonly leftoverGrace: Duration.Input;
  /** The directory of the locks on GPUs. */
  readonly leases: string;
}

/** Not in TMPDIR: users, and shells of one user, may have different ones, and would lease the same GPUs. */
export const gpuLeases = "/tmp/pipe-gpu-leases";

const defaults: SupervisorOptions = {
  grace: "5 seconds",
  leftoverGrace: "500 millis",
  leases: gpuLeases,
};

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /**
     * Runs a program to its end. Interruption ends its whole process tree and returns when no process of it is left.
     * `hear` gets the news before the program's end.
     */
    readonly run: (
      program: Program,
      hear?: (news: News) => Effect.Effect<unknown>,
    ) => Effect.Effect<JobEnd, JobNotStarted | JobLost>;
    /** Starts the preload of a program that will run later. */
    readonly prepare: (program: PreloadingProgram) => Effect.Effect<void>;
  }
>()("pipe/Supervisor") {
  static readonly layerWith = (options: Partial<SupervisorOptions>) =>
    Layer.effect(
      Supervisor,
      Effect.gen(function* () {
        const connections = yield* Effect.acquireRelease(
          Effect.sync(() => new Connections({ ...defaults, ...options })),
          (opened) => Effect.promise(() => opened.close()),
        );
        /** Fails with the answer that a program gets where no supervisor can be started. */
        const open = (preload?: Preload) =>
          Effect.tryPromise({
            try: () => connections.open(preload),
            catch: (error): Answer => ({ kind: "unavailable", why: (error as Error).message }),
          });
        return Supervisor.of({
          prepare: Effect.fnUntraced(function* (program) {
            const preload = preloadOf(program);
            // The program that runs later hears of a failure.
            if (preload !== undefined && connections.mayPreload(preload))
              yield* Effect.ignore(open(preload));
          }),
          run: Effect.fnUntraced(function* (program, hear = () => Effect.void) {
            const answerWith = (preload?: Preload) =>
              open(preload).pipe(
                Effect.flatMap((connection) => runOver(connection, program, hear)),
                Effect.catch(Effect.succeed),
              );
            const preload = preloadOf(program);
            if (preload !== undefined && connections.mayPreload(preload)) {
              const answer = yield* answerWith(preload);
              if (answer.kind !== "unavailable") return yield* outcome(program, answer);
              if (connections.giveUp(preload)) yield* hear({ kind: "cold", why: answer.why });
            }
            return yield* outcome(program, yield* answerWith());
          }),
        });
      }),
    );

  static readonly layer = Supervisor.layerWith({});
}

/** Variables that are set in a job when its GPUs are known. Packages read them at the first use of a GPU. */
const readLate: ReadonlySet<string> = new Set(["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"]);

type PreloadingProgram = Pick<Program, "command" | "environment" | "preload">;

const preloadOf = ({ preload, command, environment }: PreloadingProgram): Preload | undefined =>
  preload === undefined
    ? undefined
    : {
        python: command[0],
        file: preload,
        environment: {
          ...Object.fromEntries(
            Object.entries(environment).filter(([name]) => !readLate.has(name)),
          ),
          // Arrow's allocator starts a thread, and a fork copies no threads
          JE_ARROW_MALLOC_CONF: "background_thread:false",
        },
      };

/** A preloading process holds some hundred megabytes. */
const mostPreloads = 3;

/** The supervisors: one that starts programs, and one a preload. A lost one is replaced. */
class Connections {
  private readonly opened: Array<SupervisorConnection> = [];
  private readonly latest = new Map<string, SupervisorConnection>();
  private readonly failed = new Set<string>();
  private readonly options: SupervisorOptions;

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  /** False after a failure, and where `mostPreloads` others are kept. */
  mayPreload(preload: Preload): boolean {
    const key = keyOf(preload);
    if (this.failed.has(key)) return false;
    if (this.latest.has(key)) return true;
    return [...this.latest.keys()].filter((other) => other !== keyOf()).length < mostPreloads;
  }

  /** From now on jobs start without this preload. True for the first of the jobs that waited for it. */
  giveUp(preload: Preload): boolean {
    const key = keyOf(preload);
    const isFirst = !this.failed.has(key);
    this.failed.add(key);
    return isFirst;
  }

  async open(preload?: Preload): Promise<SupervisorConnection> {
    // Imported late: execa takes 40 ms, and a run with nothing to do starts no program.
    const { SupervisorConnection } = await import("./SupervisorConnection.ts");
    const last = this.latest.get(keyOf(preload));
    if (last !== undefined && (!last.lost || (preload !== undefined && !last.ready))) return last;
    const { grace, leftoverGrace, leases } = this.options;
    const seconds = [Duration.toSeconds(grace), Duration.toSeconds(leftoverGrace)] as const;
    const next = new SupervisorConnection(...seconds, leases, preload);
    this.opened.push(next);
    this.latest.set(keyOf(preload), next);
    return next;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((connection) => connection.close()));
  }
}

const keyOf = (preload?: Preload): string => JSON.stringify(preload ?? null);

const runOver = (
  connection: SupervisorConnection,
  program: Program,
  hear: (news: News) => Effect.Effect<unknown>,
) =>
  Effect.gen(function* () {
    const messages = yield* Queue.unbounded<Answer | News>();
    connection.start(program, (message) => Queue.offerUnsafe(messages, message));
    for (;;) {
      const message = yield* Queue.take(messages);
      if (isAnswer(message)) return message;
      yield* hear(message);
    }
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.callback<void>((gone) => connection.end(program.id, () => gone(Effect.void))),
    ),
  );

const outcome = (
  program: Program,
  answer: Answer,
): Effect.Effect<JobEnd, JobNotStarted | JobLost> => {
  switch (answer.kind) {
    case "ended":
      return Effect.succeed(answer.end);
    case "failed":
      return new JobNotStarted({
        job: program.id,
        message: `\`${program.command[0]}\` could not be started: ${answer.why}`,
        fix:
          answer.fix ??
          `check that it is installed and may be executed, and that ${program.cwd} exists`,
      });
    case "unavailable":
      return new JobNotStarted({
        job: program.id,
        message: `the supervisor of jobs could not be started: ${answer.why}`,
        fix: "jobs need Linux and Python 3.9 or newer: put `python3` on the PATH, or name one in PIPE_PYTHON",
      });
    case "lost":
      return new JobLost({
        job: program.id,
        message: `the process that supervises this job was killed, so the job was ended${answer.why === "" ? "" : ` (${answer.why})`}`,
        fix: "run the same command again; if it happens twice, look for the kernel's out-of-memory killer in `dmesg`",
      });
  }
};
