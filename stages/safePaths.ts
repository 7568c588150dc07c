/** Paths that keep their meaning in a shell's quotes and in the strings of other languages. */
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export const isSafe = (text: string): boolean => /^[\w./-]*$/u.test(text);

/**
 * `safe` gives a directory by a path of ASCII letters, digits and `._-/`: its own, or one that goes through a link in a
 * temporary directory to the last of its ancestors with another name. The links last as long as `use`.
 */
export const withSafePaths = <A, E, R>(
  use: (safe: (directory: string) => string) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => {
  const links = new Map<string, string>();
  let home: string | undefined;
  const linkTo = (ancestor: string): string => {
    const parent = isSafe(os.tmpdir()) ? os.tmpdir() : "/tmp";
    home ??= fs.mkdtempSync(path.join(parent, "pipe-paths-"));
    const link = links.get(ancestor) ?? path.join(home, String(links.size));
    if (!links.has(ancestor)) fs.symlinkSync(ancestor, link);
    links.set(ancestor, link);
    return link;
  };
  const safe = (directory: string): string => {
    const names = directory.split("/");
    const unsafe = names.findLastIndex((name) => !isSafe(name)) + 1;
    if (unsafe === 0) return directory;
    return [linkTo(names.slice(0, unsafe).join("/")), ...names.slice(unsafe)].join("/");
  };
  return Effect.ensuring(
    Effect.suspend(() => use(safe)),
    Effect.sync(() => {
      if (home !== undefined) fs.rmSync(home, { recursive: true, force: true });
    }),
  );
};
