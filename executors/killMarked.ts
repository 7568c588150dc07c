/** The last resort for processes whose parents and watchers are all dead: they are known by their environment. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const RESCAN_MILLIS = 20;

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // gone, or another user's
  }
};

/** The processes that were started with `NAME=value` in their environment, or inherited it. Zombies have none. */
export const markedProcesses = (mark: string): ReadonlyArray<number> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && environmentOf(name).split("\0").includes(mark))
    .map(Number);

/** Kills every process that carries the mark, and those they give birth to meanwhile; returns when none is left. */
export const killMarked = async (mark: string): Promise<void> => {
  for (let pids = markedProcesses(mark); pids.length > 0; pids = markedProcesses(mark)) {
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // ended by itself meanwhile
      }
    }
    await setTimeout(RESCAN_MILLIS);
  }
};
