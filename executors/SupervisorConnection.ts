/** A running `supervise.py` and the lines exchanged with it; its header describes the protocol. */
import { execa } from "execa";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { anyPython } from "./interpreters.ts";
import { killMarked } from "./killMarked.ts";
import { type Answer, isAnswer, type News, type Preload, type Program } from "./Program.ts";
import { root } from "../schemas/root.ts";

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

/** In the environment of every program, to find the processes of a supervisor that was killed. */
const markName = "PIPE_SUPERVISOR";
const stderrCharacters = 2000;
const supervise = path.join(root, "executors/supervise.py");

export class SupervisorConnection {
  private readonly mark = randomUUID();
  private readonly waiting = new Map<string, (message: Answer | News) => void>();
  /** Requests of jobs by id, until the supervisor is ready: it reads none while it imports packages. */
  private readonly held = new Map<string, object>();
  private readonly subprocess: ChildProcess;
  private readonly requests: Writable;
  private readonly allGone: Promise<void>;
  private loss: Answer | undefined;
  private stderr = "";
  private unread = "";
  /** True once it takes programs, also after it is lost. */
  ready = false;
  /** True when it takes no more programs; its last ones may still be ending. */
  lost = false;

  constructor(
    graceSeconds: number,
    leftoverGraceSeconds: number,
    leases: string,
    preload: Preload | undefined,
  ) {
    const settings = [String(graceSeconds), String(leftoverGraceSeconds), leases];
    const subprocess = execa(
      preload?.python ?? anyPython(),
      // Isolated and without `site`, which halves the time to start. A preload needs its packages.
      preload === undefined
        ? ["-I", "-S", "-X", "utf8", supervise, ...settings]
        : [supervise, ...settings, preload.file],
      // In a session of its own, so that Ctrl-C reaches `pipe` alone, which then decides. The end of stdin ends it;
      // execa's own clean-up would add signal handlers to this process.
      {
        ...(preload === undefined
          ? {}
          : { env: { ...preload.environment, [markName]: this.mark }, extendEnv: false }),
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
    this.subprocess = subprocess.nodeChildProcess;
    this.requests = subprocess.stdin;
    this.requests.on("error", () => {}); // the end of stdout shows the same
    subprocess.stdout.setEncoding("utf8").on("data", (text: string) => this.read(text));
    subprocess.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-stderrCharacters);
    });
    this.allGone = ended(subprocess.stdout).then(() =>
      this.giveUp(async () => {
        const { originalMessage, shortMessage } = await subprocess;
        return originalMessage ?? shortMessage;
      }),
    );
  }

  /** `tell` gets news, and at last an answer, when no process of the program is left (or none was started). */
  start(program: Program, tell: (message: Answer | News) => void): void {
    if (this.loss !== undefined) return tell(this.loss);
    if (this.waiting.has(program.id)) throw new Error(`two jobs with the id ${program.id} at once`);
    this.waiting.set(program.id, tell);
    const { id, command, cwd, environment, log, gpus } = program;
    const env = { ...environment, [markName]: this.mark };
    const request = { id, argv: command, cwd, env, log, gpus };
    if (this.ready) this.request(request);
    else this.held.set(id, request);
  }

  /** Ends a program's whole process tree; `tell` replaces the callback of `start` and is called when none is left. */
  end(id: string, tell: () => void): void {
    if (this.held.delete(id)) this.waiting.delete(id);
    if (!this.waiting.has(id)) return tell();
    this.waiting.set(id, (message) => {
      if (isAnswer(message)) tell();
    });
    this.request({ end: id });
  }

  /** Ends all programs and returns when no process is left. */
  async close(): Promise<void> {
    if (this.ready) this.requests.end();
    else this.subprocess.kill("SIGKILL"); // it has no job yet, and reads nothing while it imports packages
    await this.allGone;
  }

  private request(line: object): void {
    this.requests.write(`${JSON.stringify(line)}\n`);
  }

  private read(text: string): void {
    const lines = (this.unread + text).split("\n");
    this.unread = lines.pop() ?? "";
    for (const line of lines) this.take(JSON.parse(line) as Line);
  }

  private take(line: Line): void {
    if ("ready" in line) this.begin();
    else if ("waiting" in line) this.waiting.get(line.id)?.({ kind: "waiting", why: line.waiting });
    else if ("started" in line) this.waiting.get(line.id)?.({ kind: "started" });
    else this.answer(line.id, answerOf(line));
  }

  private begin(): void {
    this.ready = true;
    for (const request of this.held.values()) this.request(request);
    this.held.clear();
  }

  private answer(id: string, answer: Answer): void {
    const tell = this.waiting.get(id);
    this.waiting.delete(id);
    tell?.(answer);
  }

  /**
   * Called when no supervisor and no reaper is left. If jobs still wait, these were killed or never ran. Killed at once,
   * they leave orphans that only the mark identifies.
   */
  private async giveUp(exitMessage: () => Promise<string | undefined>): Promise<void> {
    this.lost = true;
    if (this.ready && this.waiting.size === 0) return;
    if (this.subprocess.pid !== undefined) await killMarked(`${markName}=${this.mark}`);
    const complaint = this.stderr.trim();
    const answer: Answer = this.ready
      ? { kind: "lost", why: complaint }
      : {
          kind: "unavailable",
          why:
            complaint === "" ? ((await exitMessage()) ?? "it ended without a message") : complaint,
        };
    this.loss = answer;
    for (const id of this.waiting.keys()) this.answer(id, answer);
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
