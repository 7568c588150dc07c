/**
 * The one supervisor of this `pipe` process (`supervise.py`): a fork server that starts programs and leaves none of
 * their processes behind. It is started with the first program and ends, with all of them, when the scope does, or
 * when this process dies in any way.
 */
import { Context, Duration, Effect, Layer, Queue } from "effect";
import { JobNotStarted, SupervisorLost, type JobEnd } from "./Executor.ts";
import type { Answer, News, Program, SupervisorConnection } from "./SupervisorConnection.ts";

export interface SupervisorOptions {
  /** How long a program that is ended has to end itself between TERM and KILL. */
  readonly grace: Duration.Input;
  /** The same for what a program that ended by itself left running. */
  readonly leftoverGrace: Duration.Input;
  /** The directory of the locks on GPUs. */
  readonly leases: string;
}

const DEFAULTS: SupervisorOptions = {
  grace: "5 seconds",
  leftoverGrace: "500 millis",
  // not in TMPDIR: users, and one user's shells, may have different ones, and would get each other's GPUs
  leases: "/tmp/pipe-gpu-leases",
};

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /**
     * Runs a program to its end. Interruption ends its whole process tree and returns only once that is gone. `hear`
     * is for news of a program with GPUs: that it waits for them, and that it has them and is started.
     */
    readonly run: (
      program: Program,
      hear?: (news: News) => Effect.Effect<void>,
    ) => Effect.Effect<JobEnd, JobNotStarted | SupervisorLost>;
  }
>()("pipe/Supervisor") {
  static readonly layerWith = (options: Partial<SupervisorOptions>) =>
    Layer.effect(
      Supervisor,
      Effect.gen(function* () {
        const { grace, leftoverGrace, leases } = { ...DEFAULTS, ...options };
        const open = yield* lazyConnection(
          Duration.toSeconds(grace),
          Duration.toSeconds(leftoverGrace),
          leases,
        );
        return Supervisor.of({
          run: (program, hear = () => Effect.void) =>
            Effect.flatMap(open, (connection) => runOver(connection, program, hear)),
        });
      }),
    );

  static readonly layer = Supervisor.layerWith({});
}

/** The connection, made at the first call and again after one was lost; all are closed with the scope. */
const lazyConnection = (grace: number, leftoverGrace: number, leases: string) => {
  const connections: Array<SupervisorConnection> = [];
  const open = Effect.promise(async () => {
    // loaded late: execa takes 40 ms, and a run that finds everything made starts no program
    const { SupervisorConnection } = await import("./SupervisorConnection.ts");
    const last = connections.at(-1);
    if (last !== undefined && !last.lost) return last;
    const next = new SupervisorConnection(grace, leftoverGrace, leases);
    connections.push(next);
    return next;
  });
  return Effect.acquireRelease(Effect.succeed(open), () =>
    Effect.promise(() => Promise.all(connections.map((connection) => connection.close()))),
  );
};

const runOver = (
  connection: SupervisorConnection,
  program: Program,
  hear: (news: News) => Effect.Effect<void>,
) =>
  Effect.gen(function* () {
    const messages = yield* Queue.unbounded<Answer | News>();
    connection.start(program, (message) => Queue.offerUnsafe(messages, message));
    for (;;) {
      const message = yield* Queue.take(messages);
      if (message.kind !== "waiting" && message.kind !== "started")
        return yield* outcome(program, message);
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
): Effect.Effect<JobEnd, JobNotStarted | SupervisorLost> => {
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
      return new SupervisorLost({
        job: program.id,
        message: `the process that watched over this job was killed, so the job was ended${answer.why === "" ? "" : ` (${answer.why})`}`,
        fix: "run it again; if it happens twice, look for the kernel's out-of-memory killer in `dmesg`",
      });
  }
};
