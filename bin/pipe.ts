#!/usr/bin/env node
/** The door: parses the command line, shows errors, sets the exit code. */
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Effect, Runtime } from "effect";
import { Command } from "effect/cli";
import { bundleCommand } from "./commands/bundle.ts";
import { diffCommand } from "./commands/diff.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { exportCommand } from "./commands/export.ts";
import { fsckCommand } from "./commands/fsck.ts";
import { gcCommand } from "./commands/gc.ts";
import { logsCommand } from "./commands/logs.ts";
import { planCommand } from "./commands/plan.ts";
import { runCommand } from "./commands/run.ts";
import { runsCommand } from "./commands/runs.ts";
import { schemaCommand } from "./commands/schema.ts";
import { scoreCommand } from "./commands/score.ts";
import { showCommand } from "./commands/show.ts";
import { stagesCommand } from "./commands/stages.ts";
import { statusCommand } from "./commands/status.ts";
import { tableCommand } from "./commands/table.ts";
import { tagCommand } from "./commands/tag.ts";
import { verifyCommand } from "./commands/verify.ts";
import { whyCommand } from "./commands/why.ts";
import { explain, presenter } from "./explain.ts";

const version = "0.1.0";

const pipe = Command.make("pipe").pipe(
  Command.withDescription(
    "Experiments on perception and reasoning in vision-language models: make what is due, keep what is made",
  ),
  Command.withSubcommands([
    runCommand,
    planCommand,
    whyCommand,
    diffCommand,
    runsCommand,
    statusCommand,
    logsCommand,
    tableCommand,
    showCommand,
    exportCommand,
    bundleCommand,
    tagCommand,
    gcCommand,
    fsckCommand,
    verifyCommand,
    scoreCommand,
    schemaCommand,
    stagesCommand,
    doctorCommand,
  ]),
);

// Whoever reads our output may leave early (`| head`): that ends the program, as it ends others, without a stack trace.
const brokenPipe = 141;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (!isLostTerminal(error)) process.exit(error.code === "EPIPE" ? brokenPipe : 1);
});
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (!isLostTerminal(error)) throw error;
});

/** A terminal that is gone takes no more text; whoever it belonged to has SIGHUP to end by, in order. */
const isLostTerminal = ({ code }: NodeJS.ErrnoException): boolean => code === "EIO";

const flushed = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => stream.write("", () => resolve()));

/** Exiting with a code drops what a slow reader of a pipe has not taken yet; so that is waited for. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  Runtime.defaultTeardown(exit, (code) => {
    void Promise.all([flushed(process.stdout), flushed(process.stderr)]).then(() => onExit(code));
  });

// A terminal that closes, or an ssh that is lost, interrupts like any other signal to end: a run writes down how it ended.
process.on("SIGHUP", () => {
  if (process.env["PIPE_NOHUP"] === undefined) process.kill(process.pid, "SIGTERM");
});

/** `-j2` is what fingers type. */
const separateJobs = (argument: string): ReadonlyArray<string> =>
  /^-j\d+$/u.test(argument) ? ["-j", argument.slice(2)] : [argument];

Command.runWith(pipe, { version, renderErrors: false })(
  process.argv.slice(2).flatMap(separateJobs),
).pipe(Effect.tapError(explain), Effect.provide([NodeServices.layer, presenter]), (main) =>
  NodeRuntime.runMain(main, { teardown }),
);
