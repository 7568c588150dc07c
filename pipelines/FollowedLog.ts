/**
 * A log that is read while it is written. The file is held open, since the directory of an attempt is taken away as soon
 * as it has succeeded or another one begins: what was written until then can still be read to its end.
 */
import fs from "node:fs";

const chunkBytes = 64 * 1024;

export class FollowedLog {
  readonly #file: string;
  #descriptor: number | undefined;
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
    this.#open();
  }

  /** Whether there was ever a file to read. */
  get isThere(): boolean {
    return this.#descriptor !== undefined;
  }

  /** The next bytes, none when there is nothing new. */
  read(): Buffer {
    const descriptor = this.#open();
    if (descriptor === undefined) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const count = fs.readSync(descriptor, buffer, 0, chunkBytes, this.#offset);
    this.#offset += count;
    return buffer.subarray(0, count);
  }

  close() {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): number | undefined {
    if (this.#descriptor !== undefined) return this.#descriptor;
    try {
      this.#descriptor = fs.openSync(this.#file, "r");
    } catch {
      // A program that has not begun has no log yet.
    }
    return this.#descriptor;
  }
}
