/** Sizes of files and free space, in bytes. */
import fs from "node:fs";

/** The bytes below a path. A file with several hard links counts once for each `seen`; symbolic links are not followed. */
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

/** The bytes that deleting a path frees: files with more than `names` hard links stay. */
export const freedWith = (target: string, names: number): number => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.nlink <= names ? stat.size : 0;
  let bytes = 0;
  for (const name of namesIn(target)) bytes += freedWith(`${target}/${name}`, names);
  return bytes;
};

const leastFreeBytes = 64 * 1024;

/** Whether the file system of a directory has no room for another small file. */
export const isDiskFull = (directory: string): boolean => {
  const { bavail, bsize } = fs.statfsSync(directory);
  return bavail * bsize < leastFreeBytes;
};

/** The names in a directory; none if it is missing. */
export const namesIn = (directory: string): ReadonlyArray<string> => {
  // Asked first, since an exception costs ten times as much as the answer.
  if (fs.statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
};
