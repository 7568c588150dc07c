/** Where environments are kept, and what can be wrong with that place. */
import { Effect } from "effect";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { PythonUnavailable } from "./PythonUnavailable.ts";

/** In the user's cache (`XDG_CACHE_HOME`, `~/.cache`), or, for a user without a home, among the temporary files. */
export const environmentsDirectory = (): string => {
  const cache = process.env["XDG_CACHE_HOME"] ?? "";
  // the XDG specification: relative paths are invalid and ignored
  if (isAbsolute(cache)) return join(cache, "pipe/env");
  const home = homeOrNothing();
  return isAbsolute(home)
    ? join(home, ".cache/pipe/env")
    : join(tmpdir(), `pipe-${process.getuid?.() ?? 0}/env`);
};

const homeOrNothing = (): string => {
  try {
    return homedir();
  } catch {
    return ""; // no HOME, and a user id that no user has, as in a container
  }
};

export const diskFull = (directory: string): PythonUnavailable =>
  new PythonUnavailable({
    reason: "disk-full",
    message: `there is no room for a Python environment in ${directory}`,
    fix: "make room there, or let XDG_CACHE_HOME name a directory on a larger disk",
  });

/** A file operation in that directory. */
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
        message: `a Python environment cannot be kept in ${directory}: ${message}`,
        fix: "make that directory writable, or let XDG_CACHE_HOME name one that is",
      });
    },
  });
