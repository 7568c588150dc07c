/**
 * Drives the real command line in a project of its own. The stages of its experiments are puppets: programs that write
 * down that they were called, and do as they are told.
 */
import { afterAll, assert } from "@effect/vitest";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { killMarked, markedProcesses } from "../../executors/killMarked.ts";
import { root } from "./build.ts";
import { until } from "./until.ts";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
}

export class Rig {
  readonly directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "pipe-rig-")));
  /** Every job inherits TMPDIR, so by its value all processes of this rig are found. */
  readonly temporary = path.join(this.directory, `tmp-${randomUUID()}`);
  readonly executable: string;
  private callsSeen = 0;

  /** Another checkout's `pipe` may be driven as well. */
  constructor(checkout = root) {
    this.executable = path.join(checkout, "bin/pipe");
    fs.mkdirSync(this.temporary);
  }

  path(...parts: ReadonlyArray<string>): string {
    return path.join(this.directory, ...parts);
  }

  write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(this.path(name)), { recursive: true });
    fs.writeFileSync(this.path(name), text);
  }

  read(name: string): string {
    return fs.readFileSync(this.path(name), "utf8");
  }

  has(name: string): boolean {
    return fs.existsSync(this.path(name));
  }

  /** Runs `pipe` to its end. */
  pipe(...args: ReadonlyArray<string>): Promise<Result> {
    return this.start(args).ended;
  }

  /** Starts `pipe`, to be spoken to, interrupted or killed. */
  start(args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(this.executable, args, {
      cwd: this.directory,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        TMPDIR: this.temporary,
        NO_COLOR: "1",
        ...environment,
      },
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    const ended = new Promise<Result>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve({
          ...output,
          code: code ?? 128 + (os.constants.signals[signal ?? "SIGKILL"] ?? 0),
        }),
      );
    });
    return { child, ended };
  }

  /** Runs an experiment, which must succeed, and says which puppets were called, sorted. */
  async made(...args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
    const { code, stderr } = await this.pipe("run", ...args);
    assert.strictEqual(code, 0, stderr);
    return this.newCalls();
  }

  /** The nodes of a plan by what becomes of them, cached ones left out. */
  async due(...args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
    const { code, stdout, stderr } = await this.pipe("plan", "--json", ...args);
    assert.strictEqual(code, 0, stderr);
    return jsonLines(stdout)
      .filter((line) => line["status"] !== "cached")
      .map((line) => `${String(line["status"])} ${String(line["node"])}`);
  }

  /** Every call of a puppet so far, in order. */
  get calls(): ReadonlyArray<string> {
    return this.has("calls") ? this.read("calls").trimEnd().split("\n") : [];
  }

  /** The calls since this was asked before, sorted, as nodes side by side have no order. */
  newCalls(): ReadonlyArray<string> {
    const calls = this.calls;
    const fresh = calls.slice(this.callsSeen).toSorted();
    this.callsSeen = calls.length;
    return fresh;
  }

  /** The output of a node of the latest run, file by file. */
  async filesOf(node: string): Promise<Readonly<Record<string, string>>> {
    const { code, stdout, stderr } = await this.pipe("show", "--json", node);
    assert.strictEqual(code, 0, stderr);
    const { artifact, directory } = JSON.parse(stdout) as {
      readonly artifact: { readonly files: ReadonlyArray<{ readonly path: string }> };
      readonly directory: string;
    };
    return Object.fromEntries(
      artifact.files.map((file) => [
        file.path,
        fs.readFileSync(path.join(directory, file.path), "utf8"),
      ]),
    );
  }

  /** A rig whose project is a copy of this one, times and hard links included. */
  copy(): Rig {
    const copy = new Rig();
    for (const name of fs.readdirSync(this.directory))
      if (this.path(name) !== this.temporary)
        execFileSync("cp", ["-a", this.path(name), copy.directory]);
    copy.callsSeen = this.callsSeen;
    return copy;
  }

  get survivors(): ReadonlyArray<number> {
    return markedProcesses(`TMPDIR=${this.temporary}`);
  }

  readonly until = until;

  async close(): Promise<void> {
    await killMarked(`TMPDIR=${this.temporary}`);
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

export const jsonLines = (text: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A test in a rig of its own. */
export const inRig = (test: (rig: Rig) => Promise<void>) => async (): Promise<void> => {
  const rig = new Rig();
  try {
    await test(rig);
  } finally {
    await rig.close();
  }
};

/** Tests in copies of a rig that `prepare` sets up: the first test runs it, the others of the file share the result. */
export const inCopies = (prepare: (rig: Rig) => Promise<void>) => {
  let prepared: Promise<Rig> | undefined;
  const prepareOnce = async (): Promise<Rig> => {
    const rig = new Rig();
    await prepare(rig);
    return rig;
  };
  afterAll(async () => (await prepared)?.close());
  return (test: (rig: Rig) => Promise<void>) => async (): Promise<void> => {
    const rig = (await (prepared ??= prepareOnce())).copy();
    try {
      await test(rig);
    } finally {
      await rig.close();
    }
  };
};

interface Orders {
  /** The text that it leaves in `{out}/value`, as a shell word; inputs may stand in it. By default its own call. */
  readonly value?: string;
  /** Shell lines before the end. */
  readonly does?: string;
}

/** The `run` of a puppet, for an experiment: it writes down its call and leaves `{out}/value`. */
export const puppet = (call: string, { value = call, does }: Orders = {}): string =>
  JSON.stringify(
    [
      `echo "${call}" >> calls`,
      ...(does === undefined ? [] : [does]),
      `echo "${value}" > {out}/value`,
    ].join("; "),
  );

/** A shell line that waits until a file is there. */
export const waitFor = (file: string): string => `while ! [ -e ${file} ]; do sleep 0.02; done`;

/** Shell lines that make an attempt's directory of checkpoints, named in `saved`, as the trainers do. */
export const findCheckpoints: ReadonlyArray<string> = [
  "attempt=$(dirname {out})",
  "work=$(dirname $attempt)",
  "saved=$work/checkpoints/$(basename $work).$(basename $attempt)",
  "mkdir -p $saved",
];
