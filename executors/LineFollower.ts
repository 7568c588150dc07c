/**
 * Reads the lines another process appends to a file, as they come. Polled, not watched: a `stat` that finds nothing
 * new costs microseconds and works on network file systems too.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";

const NEWLINE = 0x0a;
const CHUNK_BYTES = 1 << 20;
/** No honest line is longer; the rest of one that is gets dropped, so that a program gone wild cannot fill our memory. */
const LINE_BYTES = 1 << 20;
/** One for all followers: what is in it never outlives the call that read it. */
const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
const nothing = Buffer.alloc(0);

export class LineFollower {
  readonly #path: string;
  #offset: number;
  #partial: Buffer = nothing;
  #overlong = false;

  /** From `now` on, where what the file already holds is somebody else's, or from its `beginning`. */
  constructor(path: string, from: "now" | "beginning" = "now") {
    this.#path = path;
    this.#offset = from === "now" ? this.#size() : 0;
  }

  /** The next complete lines, without their ends; none when there is nothing new yet. Call until it returns none. */
  read(): ReadonlyArray<string> {
    for (;;) {
      const bytes = this.#readChunk();
      if (bytes.length === 0) return [];
      const lines = this.#split(bytes);
      if (lines.length > 0) return lines;
    }
  }

  /** The line that was begun and never ended; to be asked for once the writer is gone. */
  rest(): ReadonlyArray<string> {
    const line = this.#overlong ? "" : this.#partial.toString("utf8");
    this.#partial = nothing;
    return line === "" ? [] : [line];
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The next bytes, in the shared buffer; none where the file is missing or may not be read. */
  #readChunk(): Buffer {
    try {
      return this.#readNew();
    } catch {
      return nothing;
    }
  }

  #readNew(): Buffer {
    const size = this.#size();
    if (size < this.#offset) {
      // truncated: whatever stands there now is new
      this.#offset = 0;
      this.#partial = nothing;
      this.#overlong = false;
    }
    if (size <= this.#offset) return nothing;
    const file = openSync(this.#path, "r");
    try {
      const count = readSync(file, chunk, 0, CHUNK_BYTES, this.#offset);
      this.#offset += count;
      return chunk.subarray(0, count);
    } finally {
      closeSync(file);
    }
  }

  /** Whole lines only, cut at the byte: half a character at the end of a chunk waits with its line. */
  #split(bytes: Buffer): Array<string> {
    const lines: Array<string> = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const line = this.#take(bytes.subarray(start, end));
      if (line.trim() !== "") lines.push(line);
      start = end + 1;
    }
    const partial = Buffer.concat([this.#partial, bytes.subarray(start)]);
    if (partial.length > LINE_BYTES && !this.#overlong) {
      lines.push(partial.toString("utf8", 0, LINE_BYTES));
      this.#overlong = true;
    }
    this.#partial = this.#overlong ? nothing : partial;
    return lines;
  }

  /** The line whose last piece this is; the end of an overlong one is nothing. */
  #take(lastPiece: Buffer): string {
    const line = this.#overlong ? "" : Buffer.concat([this.#partial, lastPiece]).toString("utf8");
    this.#partial = nothing;
    this.#overlong = false;
    return line;
  }
}
