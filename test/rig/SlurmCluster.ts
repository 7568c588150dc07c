/**
 * A private Slurm cluster of two nodes on this machine (`slurm/up.sh`, which installs Slurm where it is missing). It needs
 * root. All nodes share this machine's file systems and clock, so it stands in for a cluster's scheduler and daemons, not
 * for its network file system.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const script = (name: string): string => path.join(import.meta.dirname, "slurm", name);

/** True if this machine can have a cluster. */
export const canHaveCluster = process.platform === "linux" && process.getuid?.() === 0;

export class SlurmCluster {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-slurm-"));
  private readonly wrappers = path.join(this.directory, "wrappers");
  readonly root = path.join(this.directory, "cluster");

  constructor(settings: Readonly<Record<string, string>> = {}) {
    // below the ports that the kernel gives to clients
    const port = 20_000 + 40 * (process.pid % 300);
    execFileSync("bash", [script("up.sh")], {
      env: {
        ...process.env,
        SLURM_ROOT: this.root,
        SLURM_PORT: String(port),
        SLURM_KILLWAIT: "3",
        ...settings,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    fs.mkdirSync(this.wrappers);
    for (const name of ["sbatch", "squeue"]) this.wrap(name, "");
  }

  /** Variables for `pipe`: the cluster's address, and a PATH on which calls of Slurm's commands are counted. */
  get environment() {
    return {
      SLURM_CONF: path.join(this.root, "etc/slurm.conf"),
      PATH: `${this.wrappers}:${process.env["PATH"]}`,
    };
  }

  /** Replaces a command by a script that is counted and runs `before`, then the command; `$real` is the command. */
  wrap(name: string, before: string): void {
    const real = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    const file = path.join(this.wrappers, name);
    const lines = [
      "#!/bin/bash",
      `real=${real}`,
      `echo "$*" >> ${this.wrappers}/${name}.calls`,
      before,
      'exec "$real" "$@"',
    ];
    fs.writeFileSync(file, lines.join("\n"), { mode: 0o755 });
  }

  /** How often a wrapped command was called. */
  calls(name: string): number {
    return this.wordsOf(name).length;
  }

  /** The words of each call of a wrapped command, as a line. */
  wordsOf(name: string): ReadonlyArray<string> {
    const file = path.join(this.wrappers, `${name}.calls`);
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  /** The output of one of Slurm's commands. */
  ask(program: string, ...words: ReadonlyArray<string>): string {
    const env = { ...process.env, SLURM_CONF: this.environment.SLURM_CONF };
    return execFileSync(program, words, { encoding: "utf8", env, timeout: 120_000 });
  }

  get isUp(): boolean {
    try {
      return this.ask("scontrol", "ping").includes("is UP");
    } catch {
      return false;
    }
  }

  /**
   * A condition that holds once slurmctld has saved what it knows now. It saves some seconds late, and one that is killed
   * before that takes running jobs for pending ones when it is back.
   */
  whenSaved(): () => boolean {
    const file = path.join(this.root, "state/job_state");
    const savedAt = () => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const before = savedAt();
    const [job = ""] = this.ask("squeue", "-h", "-o", "%A").split("\n");
    this.ask("scontrol", "update", `JobId=${job}`, "Comment=to save");
    return () => savedAt() > before;
  }

  /** Tasks that are pending or running. */
  get active(): number {
    return this.ask("squeue", "-h", "-r", "-o", "%i").split("\n").filter(Boolean).length;
  }

  /** Sends a signal to a daemon: `slurmctld`, `slurmdbd`, `n1` or `n2`. */
  signal(daemon: string, signal: NodeJS.Signals): void {
    process.kill(
      Number(fs.readFileSync(path.join(this.root, "run", `${daemon}.pid`), "utf8")),
      signal,
    );
  }

  /** The files that processes of the nodes opened, or tried to; only of a cluster with SLURM_TRACE. */
  get opens(): ReadonlyArray<string> {
    return ["n1", "n2"].flatMap((node) =>
      fs.readFileSync(path.join(this.root, "log", `opens.${node}`), "utf8").split("\n"),
    );
  }

  restart(daemon: string): void {
    execFileSync(path.join(this.root, "run", `${daemon}.start`), { stdio: "ignore" });
  }

  close(): void {
    execFileSync("bash", [script("down.sh")], {
      env: { ...process.env, SLURM_ROOT: this.root },
      stdio: "ignore",
    });
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}
