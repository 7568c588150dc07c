/** How many bytes of files lie below a path. */
import fs from "node:fs";

/** A file with several names counts once among all that are measured with the same `seen`; links are not followed. */
export const diskUse = (target: string, seen: Set<string> = new Set()): number => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (stat.isDirectory()) {
    let bytes = 0;
    for (const name of namesIn(target)) bytes += diskUse(`${target}/${name}`, seen);
    return bytes;
  }
  if (!stat.isFile()) return 0;
  if (stat.nlink > 1) {
    const inode = `${stat.dev}:${stat.ino}`;
    if (seen.has(inode)) return 0;
    seen.add(inode);
  }
  return stat.size;
};

/** Bytes that are freed with a file or directory: those of files with more than `names` names stay with the others. */
export const freedWith = (target: string, names: number): number => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.nlink <= names ? stat.size : 0;
  let bytes = 0;
  for (const name of namesIn(target)) bytes += freedWith(`${target}/${name}`, names);
  return bytes;
};

/** The entries of a directory; one that is gone, or never was, has none. */
export const namesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
};
