/** Kills processes whose parents and reapers are dead: their environment identifies them. */
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";

const rescanMillis = 20;

const environmentOf = (pid: string): string => {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // dead, or another user's
  }
};

/** The processes with `NAME=value` in the environment that they were started with. Zombies have none. */
export const markedProcesses = (mark: string): ReadonlyArray<number> =>
  fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && environmentOf(name).split("\0").includes(mark))
    .map(Number);

/** Kills every marked process, and those they start meanwhile; returns when none is left. */
export const killMarked = async (mark: string): Promise<void> => {
  for (let pids = markedProcesses(mark); pids.length > 0; pids = markedProcesses(mark)) {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // ended meanwhile
      }
    }
    await setTimeout(rescanMillis);
  }
};
