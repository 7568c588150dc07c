import { Console, Effect, Result } from "effect";
import { Command } from "effect/cli";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { trainerLocks } from "../../stages/trainer.ts";
import { Exit } from "../UsageError.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { styleFor } from "../view/style.ts";
import { storeHome } from "./project.ts";

interface Finding {
  readonly what: string;
  readonly state: "fine" | "absent" | "broken";
  readonly detail: string;
}

export const doctorCommand = Command.make(
  "doctor",
  {},
  Effect.fn("pipe doctor")(function* () {
    const findings = [node(), machine(), store(), yield* python, gpu()];
    const style = styleFor(process.stdout);
    const mark = { fine: style.green("✓"), absent: style.dim("–"), broken: style.red("✗") };
    for (const { what, state, detail } of findings)
      yield* Console.log(`${mark[state]} ${what.padEnd(8)} ${detail}`);
    if (findings.some((finding) => finding.state === "broken")) return yield* new Exit({ code: 1 });
  }),
).pipe(Command.withDescription("Check what this machine has of what runs need"));

const node = (): Finding => ({ what: "node", state: "fine", detail: process.version });

const machine = (): Finding => ({
  what: "machine",
  state: "fine",
  detail: `${os.availableParallelism()} processors, ${bytesText(os.totalmem())} of memory, ${process.platform} ${process.arch}`,
});

/** The store's directory, or where it would be made. */
const store = (): Finding => {
  const home = storeHome();
  let existing = home;
  while (!fs.existsSync(existing)) existing = path.dirname(existing);
  const free = Result.try(() => {
    if (!fs.statSync(existing).isDirectory()) throw new Error(`${existing} is no directory`);
    fs.accessSync(existing, fs.constants.W_OK);
    const { bavail, bsize } = fs.statfsSync(existing);
    return bavail * bsize;
  });
  return Result.isSuccess(free)
    ? {
        what: "store",
        state: "fine",
        detail: `${home}${existing === home ? "" : " (not made yet)"}, ${bytesText(free.success)} free`,
      }
    : {
        what: "store",
        state: "broken",
        detail: `${home} can't be written; set PIPE_HOME to a directory that can`,
      };
};

const python = Effect.gen(function* () {
  const environment = yield* PythonEnvironment;
  const found = yield* Effect.result(environment.identity(trainerLocks));
  const finding: Finding = Result.isSuccess(found)
    ? {
        what: "python",
        state: "fine",
        detail: `found; the trainers' environment is ${found.success.slice(0, 24)}`,
      }
    : { what: "python", state: "broken", detail: `${found.failure.message}; ${found.failure.fix}` };
  return finding;
}).pipe(Effect.provide(PythonEnvironment.layer));

const gpu = (): Finding => {
  const query = ["--query-gpu=name,memory.total", "--format=csv,noheader"];
  const found = Result.try(() =>
    execFileSync("nvidia-smi", query, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 10_000,
    }),
  );
  return Result.isSuccess(found)
    ? { what: "gpu", state: "fine", detail: found.success.trim().split("\n").join("; ") }
    : { what: "gpu", state: "absent", detail: "none found: micro models train on the processor" };
};
