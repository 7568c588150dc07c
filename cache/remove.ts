/** Taking away what stages have made, whatever they did to their directories. */
import fs from "node:fs";

/** Makes every directory one that we may list and change; links are not followed. */
export const openDirectories = (target: string) => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  if ((stat.mode & 0o700) !== 0o700) fs.chmodSync(target, stat.mode | 0o700);
  for (const entry of fs.readdirSync(target, { withFileTypes: true }))
    if (entry.isDirectory()) openDirectories(`${target}/${entry.name}`);
};

/** A path that is not there is as good as removed. */
export const remove = (target: string) => {
  try {
    fs.rmSync(target, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    openDirectories(target);
    fs.rmSync(target, { recursive: true, force: true });
  }
};
