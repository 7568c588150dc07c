#!/usr/bin/env node
/** The command line: parses it, shows errors, sets the exit code. */
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Effect, Runtime } from "effect";
import { CliConfig, Command, Completions, GlobalFlag } from "effect/cli";
import v8 from "node:v8";
import { bundleCommand } from "./commands/bundle.ts";
import { completeCommand, completionsCommand } from "./commands/completions.ts";
import { diffCommand } from "./commands/diff.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { envCommand } from "./commands/env.ts";
import { exportCommand } from "./commands/export.ts";
import { figuresCommand } from "./commands/figures.ts";
import { fsckCommand } from "./commands/fsck.ts";
import { gcCommand } from "./commands/gc.ts";
import { initCommand } from "./commands/init.ts";
import { logsCommand } from "./commands/logs.ts";
import { planCommand } from "./commands/plan.ts";
import { pushCommand } from "./commands/push.ts";
import { reportCommand } from "./commands/report.ts";
import { runCommand } from "./commands/run.ts";
import { runsCommand } from "./commands/runs.ts";
import { schemaCommand } from "./commands/schema.ts";
import { scoreCommand } from "./commands/score.ts";
import { seedsCommand } from "./commands/seeds.ts";
import { showCommand } from "./commands/show.ts";
import { stagesCommand } from "./commands/stages.ts";
import { statusCommand } from "./commands/status.ts";
import { tableCommand } from "./commands/table.ts";
import { tagCommand } from "./commands/tag.ts";
import { uiCommand } from "./commands/ui.ts";
import { verifyCommand } from "./commands/verify.ts";
import { whyCommand } from "./commands/why.ts";
import { presenter, reportError } from "./reportError.ts";
import { UsageError } from "./UsageError.ts";

const version = "0.1.0";

// Most commands end before the time of V8's two optimizing compilers is repaid, which by default compile a function after 400 and
// 3000 calls. Not set in `bin/pipe`: with other flags on its command line, Node does not use the bytecode of its own modules.
v8.setFlagsFromString("--invocation-count-for-maglev=1500 --invocation-count-for-turbofan=30000");

const pipe = Command.make("pipe").pipe(
  Command.withDescription(
    "Run experiments on perception and reasoning in vision-language models, and reuse their results",
  ),
  Command.withSubcommands([
    initCommand,
    runCommand,
    planCommand,
    whyCommand,
    diffCommand,
    runsCommand,
    statusCommand,
    logsCommand,
    tableCommand,
    seedsCommand,
    reportCommand,
    uiCommand,
    figuresCommand,
    showCommand,
    exportCommand,
    bundleCommand,
    pushCommand,
    tagCommand,
    gcCommand,
    fsckCommand,
    verifyCommand,
    scoreCommand,
    schemaCommand,
    stagesCommand,
    envCommand,
    doctorCommand,
    completionsCommand,
    completeCommand(() => descriptor()),
  ]),
);

const descriptor = (): Completions.CommandDescriptor => Completions.fromCommand(pipe);

/** Effect's other global flags start a wizard, set a log level that nothing reads, and complete commands alone. */
const globalFlags = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] });

// The reader of a pipe may stop early (`| head`): end like other programs, without a stack trace.
const brokenPipe = 141;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (!isLostTerminal(error)) process.exit(error.code === "EPIPE" ? brokenPipe : 1);
});
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (!isLostTerminal(error)) throw error;
});

/** The terminal was closed. SIGHUP follows and ends the program in order. */
const isLostTerminal = ({ code }: NodeJS.ErrnoException): boolean => code === "EIO";

const flushed = (stream: NodeJS.WriteStream) =>
  new Promise<void>((resolve) => stream.write("", () => resolve()));

/** Waits for slow readers of our pipes: exiting with a code drops unread output. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  Runtime.defaultTeardown(exit, (code) => {
    void Promise.all([flushed(process.stdout), flushed(process.stderr)]).then(() => onExit(code));
  });

// A closed terminal or lost ssh connection ends the program like SIGTERM, so that a run records its end.
process.on("SIGHUP", () => {
  if (process.env["PIPE_NOHUP"] === undefined) process.kill(process.pid, "SIGTERM");
});

/** Accepts `-j2`, like make. */
const separateJobs = (argument: string): ReadonlyArray<string> =>
  /^-j\d+$/u.test(argument) ? ["-j", argument.slice(2)] : [argument];

/** Node puts this in place of bytes that are not UTF-8, so the argument would be another one. */
const replaced = process.argv.find((argument) => argument.includes("\uFFFD"));

const main =
  replaced === undefined
    ? Command.runWith(pipe, { version, renderErrors: false })(
        process.argv.slice(2).flatMap(separateJobs),
      )
    : Effect.fail(
        new UsageError({ message: `the argument ${replaced} is not UTF-8; type it in UTF-8` }),
      );

main.pipe(
  Effect.tapError(reportError),
  Effect.provide([NodeServices.layer, presenter, globalFlags]),
  (reported) => NodeRuntime.runMain(reported, { teardown }),
);
