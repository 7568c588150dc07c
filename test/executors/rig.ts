/** Directories, jobs and the search for surviving processes, for tests of executors. */
import { Effect } from "effect";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Job } from "../../executors/Executor.ts";
import { killMarked, markedProcesses } from "../../executors/killMarked.ts";
import type { SupervisorOptions } from "../../executors/Supervisor.ts";
import { until } from "../rig/until.ts";

const stubbornProgram = path.join(import.meta.dirname, "programs/stubborn.py");
const ownerProgram = path.join(import.meta.dirname, "programs/owner.ts");

export const waitUntil = (what: string, isSo: () => boolean) =>
  Effect.promise(() => until(what, isSo));

/** A directory for one test, and a mark that identifies all processes of its jobs. */
export class Sandbox {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-test-"));
  private readonly name = "PIPE_TEST_SANDBOX";
  private readonly value = randomUUID();
  readonly environment = { [this.name]: this.value };

  job(command: Job["command"], more: Partial<Job> = {}): Job {
    const { directory, environment } = this;
    const id = randomUUID();
    const demand = { cpus: 1, memory: 0, gpus: 0 };
    return {
      id,
      stage: "test",
      command,
      directory,
      cwd: directory,
      environment,
      ...demand,
      ...more,
    };
  }

  /** The same job with a directory of its own, as jobs side by side need it. */
  apart(job: Job): Job {
    const directory = path.join(this.directory, job.id);
    fs.mkdirSync(directory);
    return { ...job, directory };
  }

  /** A shell script that runs in the sandbox. */
  shell(script: string, more: Partial<Job> = {}): Job {
    return this.job(["sh", "-c", script], more);
  }

  /** Three processes that ignore SIGTERM, one of them a daemon; see `programs/stubborn.py`. */
  stubborn(how: "stay" | "leave" = "stay", more: Partial<Job> = {}): Job {
    return this.job(["python3", stubbornProgram, path.join(this.directory, "ready"), how], more);
  }

  /** Number of stubborn processes that have started. */
  get up(): number {
    return this.text("ready").split("\n").length - 1;
  }

  get survivors(): number {
    return markedProcesses(`${this.name}=${this.value}`).length;
  }

  has(name: string): boolean {
    return fs.existsSync(path.join(this.directory, name));
  }

  text(name: string): string {
    return this.has(name) ? fs.readFileSync(path.join(this.directory, name), "utf8") : "";
  }

  async close(): Promise<void> {
    await killMarked(`${this.name}=${this.value}`);
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts another process that runs jobs, with `environment` added to its own. */
export const startOwner = (
  options: Partial<SupervisorOptions>,
  jobs: ReadonlyArray<Job>,
  environment: Readonly<Record<string, string>> = {},
): ChildProcess => {
  const parts = [options, ...jobs].map((part) => JSON.stringify(part));
  return spawn(process.execPath, [ownerProgram, ...parts], {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
};

export const parentOf = (pid: string | number): number => {
  try {
    return Number(/\) . (\d+)/u.exec(fs.readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1]);
  } catch {
    return 0; // dead
  }
};

/** The parent of the job's program is its reaper; the parent of that is the supervisor. */
export const watchersOf = (sandbox: Sandbox) => {
  const program = Math.min(...sandbox.text("ready").trim().split("\n").map(Number));
  const reaper = parentOf(program);
  return { reaper, supervisor: parentOf(reaper) };
};

/** Runs a test in a sandbox of its own. */
export const inSandbox = <A, E, R>(test: (sandbox: Sandbox) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Sandbox()),
    test,
    (sandbox) => Effect.promise(() => sandbox.close()),
  );
