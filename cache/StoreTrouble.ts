/** A failure of the store, and not of the experiment or a stage. Exit code 4. */
import { Runtime, Schema } from "effect";

export class StoreTrouble extends Schema.TaggedError<StoreTrouble>()("StoreTrouble", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 4;
  override readonly [Runtime.errorReported] = false;
}

/** An error of the operating system or SQLite, with a fix. */
export const storeTrouble =
  (doing: string) =>
  (cause: unknown): StoreTrouble => {
    if (cause instanceof StoreTrouble) return cause;
    const error = cause as NodeJS.ErrnoException & { readonly errcode?: number };
    return new StoreTrouble({
      message: `${doing}: ${error.message ?? String(cause)}`,
      fix: fixFor(error),
    });
  };

// https://www.sqlite.org/rescode.html, primary codes
const sqlite = {
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
};

/** Whether an error comes from the disk, and not from a stage or from pipe. */
export const isDiskTrouble = (cause: unknown): boolean =>
  ["ENOSPC", "EDQUOT", "EROFS", "EIO"].includes(String((cause as NodeJS.ErrnoException)?.code));

export const fullDiskFix =
  "free some space on the store's disk and run the same command again: what is finished is kept";

const fixFor = (error: NodeJS.ErrnoException & { readonly errcode?: number }): string => {
  const code = error.errcode === undefined ? undefined : error.errcode & 0xff;
  if (error.code === "ENOSPC" || error.code === "EDQUOT" || code === sqlite.full) {
    return fullDiskFix;
  }
  if (
    error.code === "EACCES" ||
    error.code === "EROFS" ||
    error.code === "EPERM" ||
    code === sqlite.readonly ||
    code === sqlite.cantOpen
  ) {
    return "make the store writable, or point PIPE_HOME at a directory that is";
  }
  if (code === sqlite.corrupt || code === sqlite.notADatabase) {
    return "pipe fsck --repair moves the damaged index aside and saves what can be read of it";
  }
  if (error.code === "EIO" || code === sqlite.ioError) {
    return "see whether the store's disk is full or failing, then run the same command again: what is finished is kept";
  }
  if (error.code === "ENOTDIR") {
    return "a file stands where the store has a directory: move it away, or point PIPE_HOME at a directory";
  }
  if (error.code === "ENOENT") {
    return "something removed a part of the store meanwhile: run the same command again, which makes what is missing";
  }
  if (error.code === "EMLINK") {
    return "a directory of the store has as many entries as its file system allows: pipe gc --delete makes room, or point PIPE_HOME at another one";
  }
  return "see the message above; nothing that was finished is lost";
};
