/** Who holds a claim, in a form that tells a living process from one that merely has its number. */
import { Schema } from "effect";
import fs from "node:fs";
import os from "node:os";

export const Owner = Schema.Struct({
  host: Schema.String,
  boot: Schema.String,
  pid: Schema.Int,
  /** The process's start, in clock ticks since boot; empty where the system does not tell. */
  started: Schema.String,
});
export interface Owner extends Schema.Schema.Type<typeof Owner> {}

const readOr = (file: string, otherwise: string): string => {
  try {
    return fs.readFileSync(file, "utf8").trim();
  } catch {
    return otherwise;
  }
};

/**
 * When a process started, or nothing if it has ended: also one that nobody has waited for yet. Fields 3 and 22 of
 * /proc/PID/stat (proc(5)); the name in field 2 may hold anything, so count from its closing bracket.
 */
const startOf = (pid: number): string => {
  const fields = readOr(`/proc/${pid}/stat`, "")
    .replace(/^.*\) /su, "")
    .split(" ");
  const ended = fields[0] === "Z" || fields[0] === "X";
  return ended ? "" : (fields[19] ?? "");
};

export const thisProcess = (): Owner => ({
  host: os.hostname(),
  boot: readOr("/proc/sys/kernel/random/boot_id", ""),
  pid: process.pid,
  started: startOf(process.pid),
});

/** Whether the owner may still be at work. Of a process on another host nothing is known, so it may. */
export const mayBeAlive = (owner: Owner, self: Owner): boolean => {
  if (owner.host !== self.host) return true;
  if (owner.boot !== self.boot) return false;
  if (owner.started !== "") return startOf(owner.pid) === owner.started;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

export const describeOwner = (owner: Owner): string => `process ${owner.pid} on ${owner.host}`;
