/** Removes directories of stages, whatever their modes. */
import fs from "node:fs";

/** Makes every directory below a path readable and writable; links are not followed. */
export const openDirectories = (target: string) => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  if ((stat.mode & 0o700) !== 0o700) fs.chmodSync(target, stat.mode | 0o700);
  for (const entry of fs.readdirSync(target, { withFileTypes: true }))
    if (entry.isDirectory()) openDirectories(`${target}/${entry.name}`);
};

/** Removes a file or directory; a missing one is no error. Removes all that it may before it throws. */
export const remove = (target: string) => {
  try {
    fs.rmSync(target, { recursive: true, force: true });
  } catch (error) {
    if (!isForbidden(error)) throw error;
    removeOneByOne(target);
  }
};

/** Like `remove`; files of another user stay for `pipe gc`. */
export const removeIfAllowed = (target: string) => {
  try {
    remove(target);
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
};

export const isForbidden = (error: unknown): boolean =>
  ["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");

const removeOneByOne = (target: string) => {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return fs.rmSync(target, { force: true });
  if ((stat.mode & 0o700) !== 0o700) fs.chmodSync(target, stat.mode | 0o700);
  forEach(fs.readdirSync(target), (name) => removeOneByOne(`${target}/${name}`));
  fs.rmdirSync(target);
};

/** Goes on after an error and throws the first at the end. */
export const forEach = <A>(items: ReadonlyArray<A>, body: (item: A) => void) => {
  const errors: Array<unknown> = [];
  for (const item of items) {
    try {
      body(item);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
};
