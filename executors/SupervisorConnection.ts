/** A running `supervise.py` and the lines exchanged with it; its header tells the protocol and who notices what. */
import { execa } from "execa";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { JobEnd } from "./Executor.ts";
import { anyPython } from "./interpreters.ts";
import { killMarked } from "./killMarked.ts";
import { root } from "./root.ts";

/** What to start. `environment` is the whole of it; what the program prints is appended to `log`. */
export interface Program {
  readonly id: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: string;
  /** How many GPUs, or what share of one, to lease before it starts; which ones it then finds in CUDA_VISIBLE_DEVICES. */
  readonly gpus: number;
}

/** What there is to say of a program that has to get its GPUs first. */
export type News =
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "started" };

export type Answer =
  | { readonly kind: "ended"; readonly end: JobEnd }
  | { readonly kind: "failed"; readonly why: string; readonly fix: string | null }
  | { readonly kind: "unavailable"; readonly why: string }
  | { readonly kind: "lost"; readonly why: string };

/** A line of the supervisor. */
type Line =
  | { readonly ready: true }
  | { readonly id: string; readonly waiting: string }
  | { readonly id: string; readonly started: true }
  | End;

type End =
  | { readonly id: string; readonly lost: true }
  | { readonly id: string; readonly failed: string; readonly fix: string | null }
  | {
      readonly id: string;
      readonly exit: number;
      readonly signal: string | null;
      readonly wall: number;
      readonly cpu: number;
      readonly rss: number;
    };

/** In the environment of every program, so that those of a supervisor that was killed can be found. */
const MARK = "PIPE_SUPERVISOR";
const STDERR_CHARACTERS = 2000;

export class SupervisorConnection {
  readonly #mark = randomUUID();
  readonly #waiting = new Map<string, (message: Answer | News) => void>();
  readonly #requests: Writable;
  readonly #allGone: Promise<void>;
  #ready = false;
  #stderr = "";
  #unread = "";
  /** Takes no more programs; those it has may still be ending. */
  lost = false;

  constructor(graceSeconds: number, leftoverGraceSeconds: number, leases: string) {
    const subprocess = execa(
      anyPython(),
      // isolated and without `site`, which halves the time to start
      [
        "-I",
        "-S",
        "-X",
        "utf8",
        join(root, "executors/supervise.py"),
        String(graceSeconds),
        String(leftoverGraceSeconds),
        leases,
      ],
      // In a session of its own, so that Ctrl-C reaches `pipe` alone, which then decides. The end of its stdin is
      // what ends it; execa's own clean-up would add signal handlers to this process.
      {
        detached: true,
        cleanup: false,
        buffer: false,
        reject: false,
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    subprocess.nodeChildProcess.once("exit", () => {
      this.lost = true;
    });
    this.#requests = subprocess.stdin;
    this.#requests.on("error", () => {}); // the end of stdout tells the same
    subprocess.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    subprocess.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    this.#allGone = ended(subprocess.stdout).then(() =>
      this.#giveUp(async () => (await subprocess).shortMessage),
    );
  }

  /** `tell` gets news, and last of all an answer, when nothing of the program is left (or nothing of it ever was). */
  start(program: Program, tell: (message: Answer | News) => void): void {
    if (this.#waiting.has(program.id))
      throw new Error(`two jobs with the id ${program.id} at once`);
    this.#waiting.set(program.id, tell);
    const { id, command, cwd, environment, log, gpus } = program;
    const env = { ...environment, [MARK]: this.#mark };
    this.#request({ id, argv: command, cwd, env, log, gpus });
  }

  /** Ends a program's whole tree; `tell` is called, instead of the one given to `start`, when it is gone. */
  end(id: string, tell: () => void): void {
    if (!this.#waiting.has(id)) return tell();
    this.#waiting.set(id, ({ kind }) => {
      if (kind !== "waiting" && kind !== "started") tell();
    });
    this.#request({ end: id });
  }

  /** Ends everything and returns when all is gone. */
  async close(): Promise<void> {
    this.#requests.end();
    await this.#allGone;
  }

  #request(line: object): void {
    this.#requests.write(`${JSON.stringify(line)}\n`);
  }

  #read(text: string): void {
    const lines = (this.#unread + text).split("\n");
    this.#unread = lines.pop() ?? "";
    for (const line of lines) this.#take(JSON.parse(line) as Line);
  }

  #take(line: Line): void {
    if ("ready" in line) this.#ready = true;
    else if ("waiting" in line)
      this.#waiting.get(line.id)?.({ kind: "waiting", why: line.waiting });
    else if ("started" in line) this.#waiting.get(line.id)?.({ kind: "started" });
    else this.#answer(line.id, answerOf(line));
  }

  #answer(id: string, answer: Answer): void {
    const tell = this.#waiting.get(id);
    this.#waiting.delete(id);
    tell?.(answer);
  }

  /**
   * No supervisor and no reaper is left. Had one ended as it should, nobody would be waiting; so they were killed, or
   * never ran. Killed all at once, they leave orphans nobody adopted but the mark.
   */
  async #giveUp(exitMessage: () => Promise<string | undefined>): Promise<void> {
    this.lost = true;
    if (this.#waiting.size === 0) return;
    await killMarked(`${MARK}=${this.#mark}`);
    const complaint = this.#stderr.trim();
    const answer: Answer = this.#ready
      ? { kind: "lost", why: complaint }
      : {
          kind: "unavailable",
          why: complaint === "" ? ((await exitMessage()) ?? "it ended at once") : complaint,
        };
    for (const id of this.#waiting.keys()) this.#answer(id, answer);
  }
}

const answerOf = (line: End): Answer => {
  if ("lost" in line) return { kind: "lost", why: "" };
  if ("failed" in line) return { kind: "failed", why: line.failed, fix: line.fix };
  const end = {
    exitCode: line.exit,
    wallSeconds: line.wall,
    cpuSeconds: line.cpu,
    maxRssBytes: line.rss,
  };
  return { kind: "ended", end: line.signal === null ? end : { ...end, signal: line.signal } };
};

const ended = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    stream.on("close", resolve);
  });
