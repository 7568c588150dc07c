/**
 * The replies of an endpoint by the hash of their request, in a file that only grows: after a crash nobody is asked twice.
 * The file also counts failed requests.
 */
import { Option, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { Completion } from "./Completion.ts";

const Line = Schema.fromJsonString(
  Schema.Union([
    Schema.Struct({ request: Schema.String, reply: Completion }),
    Schema.Struct({ failed: Schema.String }),
  ]),
);
const decodeLine = Schema.decodeUnknownOption(Line);

export class ReplyFile {
  readonly replies = new Map<string, Completion>();
  /** The number of failed requests by their cause. */
  readonly failures = new Map<string, number>();
  private readonly file: number;

  private constructor(file: number) {
    this.file = file;
  }

  static async open(name: string): Promise<ReplyFile> {
    fs.mkdirSync(path.dirname(name), { recursive: true });
    const opened = new ReplyFile(fs.openSync(name, "a+"));
    const lines = readline.createInterface({ input: fs.createReadStream(name) });
    for await (const text of lines) {
      // A crash may have cut off a line; its request is made again.
      const line = Option.getOrUndefined(decodeLine(text));
      if (line === undefined) continue;
      if ("failed" in line) opened.count(line.failed);
      else opened.replies.set(line.request, line.reply);
    }
    // Ends a line that was cut off; an empty line does no harm.
    if (fs.fstatSync(opened.file).size > 0) fs.writeSync(opened.file, "\n");
    return opened;
  }

  /** The reply is on the disk when this returns. */
  add(request: string, reply: Completion): void {
    this.append({ request, reply });
    fs.fsyncSync(this.file);
    this.replies.set(request, reply);
  }

  addFailure(failed: string): void {
    this.append({ failed });
    this.count(failed);
  }

  close(): void {
    fs.closeSync(this.file);
  }

  private count(failed: string): void {
    this.failures.set(failed, (this.failures.get(failed) ?? 0) + 1);
  }

  private append(line: unknown): void {
    fs.writeFileSync(this.file, `${JSON.stringify(line)}\n`);
  }
}
