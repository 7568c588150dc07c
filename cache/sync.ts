/** Makes files and directories durable. */
import { execFile, spawnSync } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";

/** Above this number one call for the whole file system is faster than one for each path. */
const fewPaths = 32;

export const syncPath = (target: string) => {
  const descriptor = fs.openSync(target, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
};

/** Syncs paths of one file system; the event loop runs meanwhile. */
export const syncAll = async (paths: ReadonlyArray<string>): Promise<void> => {
  const [first] = paths;
  if (first === undefined) return;
  if (paths.length > fewPaths) {
    try {
      await promisify(execFile)("sync", fileSystemOf(first));
      return;
    } catch {
      // Outside Linux `sync` has no such option.
    }
  }
  for (const target of paths) {
    syncPath(target);
    if (paths.length > fewPaths) await new Promise((resolve) => setImmediate(resolve));
  }
};

/** Syncs the paths' whole file system, or else each path. */
export const syncAllNow = (paths: ReadonlyArray<string>) => {
  const [first] = paths;
  if (first === undefined || spawnSync("sync", fileSystemOf(first)).status === 0) return;
  for (const target of paths) syncPath(target);
};

/** The arguments of `sync` for syncfs(2), which Node has no call for. */
const fileSystemOf = (target: string) => ["-f", target];
