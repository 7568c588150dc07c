/** What the tests of executors share: directories, jobs, and the search for survivors. */
import { assert } from "@effect/vitest";
import { Effect } from "effect";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Job } from "../../executors/Executor.ts";
import { killMarked, markedProcesses } from "../../executors/killMarked.ts";
import type { SupervisorOptions } from "../../executors/Supervisor.ts";

const DEADLINE_MILLIS = 20_000;
const STUBBORN = join(import.meta.dirname, "programs/stubborn.py");
const OWNER = join(import.meta.dirname, "programs/owner.ts");

/** Waits until something is so, and fails with its name when it never is. */
export const eventually = async (what: string, isSo: () => boolean): Promise<void> => {
  const deadline = performance.now() + DEADLINE_MILLIS;
  while (!isSo()) {
    assert.isBelow(performance.now(), deadline, `never happened: ${what}`);
    await setTimeout(10);
  }
};

export const waitUntil = (what: string, isSo: () => boolean) =>
  Effect.promise(() => eventually(what, isSo));

/** A directory for one test, and a mark by which all processes of its jobs can be found. */
export class Yard {
  readonly directory = mkdtempSync(join(tmpdir(), "pipe-test-"));
  readonly #name = "PIPE_TEST_YARD";
  readonly #value = randomUUID();
  readonly environment = { [this.#name]: this.#value };

  job(command: Job["command"], more: Partial<Job> = {}): Job {
    const { directory, environment } = this;
    const id = randomUUID();
    return { id, command, directory, cwd: directory, environment, cpus: 1, gpus: 0, ...more };
  }

  /** A shell script that runs in the yard. */
  shell(script: string, more: Partial<Job> = {}): Job {
    return this.job(["sh", "-c", script], more);
  }

  /** Three processes that ignore SIGTERM, one of them a daemon; see `programs/stubborn.py`. */
  stubborn(how: "stay" | "leave" = "stay", more: Partial<Job> = {}): Job {
    return this.job(["python3", STUBBORN, join(this.directory, "ready"), how], more);
  }

  /** How many of the stubborn processes are up. */
  get up(): number {
    return this.text("ready").split("\n").length - 1;
  }

  get survivors(): number {
    return markedProcesses(`${this.#name}=${this.#value}`).length;
  }

  has(name: string): boolean {
    return existsSync(join(this.directory, name));
  }

  text(name: string): string {
    return this.has(name) ? readFileSync(join(this.directory, name), "utf8") : "";
  }

  async close(): Promise<void> {
    await killMarked(`${this.#name}=${this.#value}`);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Another process that runs jobs, which then find what is in `environment` too. */
export const startOwner = (
  options: Partial<SupervisorOptions>,
  jobs: ReadonlyArray<Job>,
  environment: Readonly<Record<string, string>> = {},
): ChildProcess => {
  const parts = [options, ...jobs].map((part) => JSON.stringify(part));
  return spawn(process.execPath, [OWNER, ...parts], {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
};

export const parentOf = (pid: string | number): number => {
  try {
    return Number(/\) . (\d+)/u.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1]);
  } catch {
    return 0; // gone
  }
};

/** The parent of the job's program is its reaper; the parent of that is the supervisor. */
export const watchersOf = (yard: Yard) => {
  const program = Math.min(...yard.text("ready").trim().split("\n").map(Number));
  const reaper = parentOf(program);
  return { reaper, supervisor: parentOf(reaper) };
};

/** Runs a test in a yard of its own. */
export const inYard = <A, E, R>(test: (yard: Yard) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Yard()),
    test,
    (yard) => Effect.promise(() => yard.close()),
  );
