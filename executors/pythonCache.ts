/** The directory of Python environments, and its errors. */
import { Effect } from "effect";
import os from "node:os";
import path from "node:path";
import { PythonUnavailable } from "./PythonUnavailable.ts";

/** In the user's cache (`XDG_CACHE_HOME`, `~/.cache`), or in the temporary directory for a user without a home. */
export const environmentsDirectory = (): string => {
  const cache = process.env["XDG_CACHE_HOME"] ?? "";
  // the XDG specification: relative paths are invalid and ignored
  if (path.isAbsolute(cache)) return path.join(cache, "pipe/env");
  const home = homeOrNothing();
  return path.isAbsolute(home)
    ? path.join(home, ".cache/pipe/env")
    : path.join(os.tmpdir(), `pipe-${process.getuid?.() ?? 0}/env`);
};

const homeOrNothing = (): string => {
  try {
    return os.homedir();
  } catch {
    return ""; // no HOME and an unknown user id, as in a container
  }
};

export const diskFull = (directory: string): PythonUnavailable =>
  new PythonUnavailable({
    reason: "disk-full",
    message: `no room for a Python environment in ${directory}`,
    fix: "free space there, or set XDG_CACHE_HOME to a directory on a larger disk",
  });

/** Runs a file operation in that directory. */
export const inCache = <A>(
  directory: string,
  operation: () => A,
): Effect.Effect<A, PythonUnavailable> =>
  Effect.try({
    try: operation,
    catch: (error) => {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT") return diskFull(directory);
      return new PythonUnavailable({
        reason: "cache-unwritable",
        message: `no Python environment can be written to ${directory}: ${message}`,
        fix: "make that directory writable, or set XDG_CACHE_HOME to one that is",
      });
    },
  });
