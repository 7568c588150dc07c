/**
 * The one supervisor of this `pipe` process (`supervise.py`): a fork server that starts programs and leaves none of
 * their processes behind. It is started with the first program and ends, with all of them, when the scope does, or
 * when this process dies in any way.
 */
import { Context, Duration, Effect, Layer } from "effect";
import { JobNotStarted, SupervisorLost, type JobEnd } from "./Executor.ts";
import type { Answer, Program, SupervisorConnection } from "./SupervisorConnection.ts";

export interface SupervisorOptions {
  /** How long a program that is ended has to end itself between TERM and KILL. */
  readonly grace: Duration.Input;
  /** The same for what a program that ended by itself left running. */
  readonly leftoverGrace: Duration.Input;
}

const DEFAULTS: SupervisorOptions = { grace: "5 seconds", leftoverGrace: "500 millis" };

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /** Runs a program to its end. Interruption ends its whole process tree and returns only once that is gone. */
    readonly run: (program: Program) => Effect.Effect<JobEnd, JobNotStarted | SupervisorLost>;
  }
>()("pipe/Supervisor") {
  static readonly layerWith = (options: Partial<SupervisorOptions>) =>
    Layer.effect(
      Supervisor,
      Effect.gen(function* () {
        const { grace, leftoverGrace } = { ...DEFAULTS, ...options };
        const open = yield* lazyConnection(
          Duration.toSeconds(grace),
          Duration.toSeconds(leftoverGrace),
        );
        return Supervisor.of({
          run: (program) => Effect.flatMap(open, (connection) => runOver(connection, program)),
        });
      }),
    );

  static readonly layer = Supervisor.layerWith({});
}

/** The connection, made at the first call and again after one was lost; all are closed with the scope. */
const lazyConnection = (grace: number, leftoverGrace: number) => {
  const connections: Array<SupervisorConnection> = [];
  const open = Effect.promise(async () => {
    // loaded late: execa takes 40 ms, and a run that finds everything made starts no program
    const { SupervisorConnection } = await import("./SupervisorConnection.ts");
    const last = connections.at(-1);
    if (last !== undefined && !last.lost) return last;
    const next = new SupervisorConnection(grace, leftoverGrace);
    connections.push(next);
    return next;
  });
  return Effect.acquireRelease(Effect.succeed(open), () =>
    Effect.promise(() => Promise.all(connections.map((connection) => connection.close()))),
  );
};

const runOver = (connection: SupervisorConnection, program: Program) =>
  Effect.callback<JobEnd, JobNotStarted | SupervisorLost>((resume) => {
    connection.start(program, (answer) => resume(outcome(program, answer)));
    return Effect.callback<void>((gone) => connection.end(program.id, () => gone(Effect.void)));
  });

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
        fix: `check that it is installed and may be executed, and that ${program.cwd} exists`,
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
