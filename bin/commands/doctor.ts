import { Effect, Result } from "effect";
import { Command } from "effect/cli";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { environments, pipeEnvironment } from "../../stages/environments.ts";
import { stateText } from "../view/environmentText.ts";
import { Exit } from "../UsageError.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { clusterFindings, type Finding } from "./clusterFindings.ts";
import { chooseExecutor, executorFlag } from "./settings.ts";
import { storeHome } from "./project.ts";

export const doctorCommand = Command.make(
  "doctor",
  { executor: executorFlag },
  Effect.fn("pipe doctor")(function* ({ executor }) {
    const chosen = yield* chooseExecutor(executor, () => false);
    const findings = [node(), machine(), store(), ...(yield* pythons), gpu()];
    if (chosen.name === "slurm")
      findings.push(yield* Effect.provide(clusterFindings, chosen.layer));
    const style = styleFor(process.stdout);
    const mark = { fine: style.green("✓"), absent: style.dim("–"), broken: style.red("✗") };
    for (const { what, state, detail } of findings)
      yield* printText(`${mark[state]} ${what.padEnd(12)} ${detail}`);
    if (findings.some((finding) => finding.state === "broken")) return yield* new Exit({ code: 1 });
  }),
).pipe(Command.withDescription("Check whether this machine, or a cluster, has what runs need"));

const node = (): Finding => ({ what: "node", state: "fine", detail: process.version });

const machine = (): Finding => ({
  what: "machine",
  state: "fine",
  detail: `${os.availableParallelism()} processors, ${bytesText(os.totalmem())} of memory, ${process.platform} ${process.arch}`,
});

/** The store's directory, which need not exist yet. */
const store = (): Finding => {
  const home = storeHome();
  let existing = home;
  while (!fs.existsSync(existing)) existing = path.dirname(existing);
  const free = Result.try(() => {
    if (!fs.statSync(existing).isDirectory()) throw new Error(`${existing} is not a directory`);
    fs.accessSync(existing, fs.constants.W_OK);
    const { bavail, bsize } = fs.statfsSync(existing);
    return bavail * bsize;
  });
  return Result.isSuccess(free)
    ? {
        what: "store",
        state: "fine",
        detail: `${home}${existing === home ? "" : " (not created yet)"}, ${bytesText(free.success)} free`,
      }
    : {
        what: "store",
        state: "broken",
        detail: `${home} can't be written; set PIPE_HOME to a writable directory`,
      };
};

/** The trainers' environments. One that is not built yet is built on first use. */
const pythons = Effect.gen(function* () {
  const python = yield* PythonEnvironment;
  return yield* Effect.forEach(environments, ([name, spec]) => {
    const what = spec === pipeEnvironment ? "python" : name;
    return python.inspect(spec).pipe(
      Effect.match({
        onSuccess: (state): Finding => ({
          what,
          state: state.python === undefined ? "absent" : state.missing?.length ? "broken" : "fine",
          detail: stateText(name, spec, state),
        }),
        onFailure: ({ message, fix }): Finding => ({
          what,
          state: "broken",
          detail: `${message}; ${fix}`,
        }),
      }),
    );
  });
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
    : { what: "gpu", state: "absent", detail: "none: micro models train on the processor" };
};
