/** Checks, with a small job, that compute nodes see the files that jobs need. */
import { Effect, Result } from "effect";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { type Job, runJob } from "../../executors/Executor.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { root } from "../../schemas/root.ts";
import { environmentsDirectory } from "../../executors/pythonCache.ts";
import { environments } from "../../stages/environments.ts";
import { project, storeHome } from "./project.ts";

export interface Finding {
  readonly what: string;
  readonly state: "fine" | "absent" | "broken";
  readonly detail: string;
}

/** Prints the node's name and those arguments that are no files there; the shell may print warnings between. */
const lookFor =
  'echo "node: $(uname -n)"; for file in "$@"; do [ -e "$file" ] || echo "missing: $file"; done';

/** The paths that jobs on nodes read. The store is not among them: the doctor's job itself lies there. */
const sharedFiles = Effect.gen(function* () {
  const python = yield* PythonEnvironment;
  const built = yield* Effect.forEach(environments, ([, spec]) => python.existing(spec));
  const cache = environmentsDirectory();
  fs.mkdirSync(cache, { recursive: true });
  return [root, project(), process.execPath, cache, ...built.filter((each) => each !== undefined)];
});

/** Submits one small job and waits for it. */
export const clusterFindings = Effect.gen(function* () {
  const files = yield* sharedFiles;
  const directory = path.join(storeHome(), `doctor-${randomUUID()}`);
  fs.mkdirSync(directory, { recursive: true });
  const job: Job = {
    id: randomUUID(),
    stage: "doctor",
    command: ["sh", "-c", lookFor, "sh", ...files],
    directory,
    cwd: "/",
    environment: {},
    cpus: 1,
    memory: 0,
    gpus: 0,
  };
  const end = yield* Effect.result(runJob(job, () => Effect.void));
  const log = path.join(directory, "log");
  const printed = fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim() : "";
  const after = (prefix: string) =>
    printed
      .split("\n")
      .flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
  const [node = "?"] = after("node: ");
  const missing = after("missing: ");
  fs.rmSync(directory, { recursive: true, force: true });
  const found = (state: Finding["state"], detail: string): Finding => ({
    what: "slurm",
    state,
    detail,
  });
  if (Result.isFailure(end)) return found("broken", `${end.failure.message}; ${end.failure.fix}`);
  if (missing.length > 0)
    return found(
      "broken",
      `the compute node ${node} lacks ${missing.join(", ")}; move the project to a file system that nodes share, and set XDG_CACHE_HOME to a directory there`,
    );
  const seen = "the project, the store, Node and the place of Python environments";
  return found("fine", `a job ran on ${node}; it sees ${seen}`);
});
