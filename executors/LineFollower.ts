/**
 * Reads the lines that another process appends to a file. Polled, not watched: a `stat` without news costs microseconds
 * and works on network file systems too.
 */
import fs from "node:fs";

const newline = 0x0a;
const chunkBytes = 1 << 20;
/** The rest of a longer line is dropped, so that a program out of control cannot fill our memory. */
const lineBytes = 1 << 20;
/** Shared by all followers: its content is used only within the call that reads it. */
const chunk = Buffer.allocUnsafe(chunkBytes);
const nothing = Buffer.alloc(0);

export class LineFollower {
  private readonly path: string;
  private offset: number;
  private partial: Buffer = nothing;
  private overlong = false;

  /** Follows from an offset in bytes, or else from the file's present end. */
  constructor(path: string, from?: number) {
    this.path = path;
    this.offset = from ?? this.size();
  }

  /** The next complete lines, without their ends; none when nothing new is there. Call until it returns none. */
  read(): ReadonlyArray<string> {
    for (;;) {
      const bytes = this.readChunk();
      if (bytes.length === 0) return [];
      const lines = this.split(bytes);
      if (lines.length > 0) return lines;
    }
  }

  /** The last line if it has no end; to be read when the writer has ended. */
  rest(): ReadonlyArray<string> {
    const line = this.overlong ? "" : this.partial.toString("utf8");
    this.partial = nothing;
    return line === "" ? [] : [line];
  }

  private size(): number {
    return fs.statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** The next bytes, in the shared buffer; none where the file is missing or may not be read. */
  private readChunk(): Buffer {
    try {
      return this.readNew();
    } catch {
      return nothing;
    }
  }

  private readNew(): Buffer {
    const size = this.size();
    if (size < this.offset) {
      // truncated: the present content is new
      this.offset = 0;
      this.partial = nothing;
      this.overlong = false;
    }
    if (size <= this.offset) return nothing;
    const file = fs.openSync(this.path, "r");
    try {
      const count = fs.readSync(file, chunk, 0, chunkBytes, this.offset);
      this.offset += count;
      return chunk.subarray(0, count);
    } finally {
      fs.closeSync(file);
    }
  }

  /** Whole lines only, split as bytes: half a character at the end of a chunk stays with its line. */
  private split(bytes: Buffer): Array<string> {
    const lines: Array<string> = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      const line = this.take(bytes.subarray(start, end));
      if (line.trim() !== "") lines.push(line);
      start = end + 1;
    }
    const partial = Buffer.concat([this.partial, bytes.subarray(start)]);
    if (partial.length > lineBytes && !this.overlong) {
      lines.push(partial.toString("utf8", 0, lineBytes));
      this.overlong = true;
    }
    this.partial = this.overlong ? nothing : partial;
    return lines;
  }

  /** The line that ends with this piece; empty for the end of an overlong line. */
  private take(lastPiece: Buffer): string {
    const line = this.overlong ? "" : Buffer.concat([this.partial, lastPiece]).toString("utf8");
    this.partial = nothing;
    this.overlong = false;
    return line;
  }
}
