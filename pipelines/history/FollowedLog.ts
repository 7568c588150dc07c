/**
 * Reads a log while it is written. Holds the file open: an attempt's directory is removed when it succeeds or the next
 * attempt begins, and an open file can still be read to its end.
 */
import fs from "node:fs";

const chunkBytes = 64 * 1024;

export class FollowedLog {
  private readonly file: string;
  private descriptor: number | undefined;
  private offset = 0;

  constructor(file: string) {
    this.file = file;
    this.open();
  }

  /** The file has existed. */
  get exists(): boolean {
    return this.descriptor !== undefined;
  }

  /** The next bytes; empty when nothing is new. */
  read(): Buffer {
    const descriptor = this.open();
    if (descriptor === undefined) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const count = fs.readSync(descriptor, buffer, 0, chunkBytes, this.offset);
    this.offset += count;
    return buffer.subarray(0, count);
  }

  close() {
    if (this.descriptor !== undefined) fs.closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private open(): number | undefined {
    if (this.descriptor !== undefined) return this.descriptor;
    try {
      this.descriptor = fs.openSync(this.file, "r");
    } catch {
      // A job that has not begun has no log yet.
    }
    return this.descriptor;
  }
}
