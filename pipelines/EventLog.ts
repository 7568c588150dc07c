/** The event log of a run as others read it: while it grows, or after its writer was killed in the middle of a line. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { LineFollower } from "../executors/LineFollower.ts";
import { Event } from "../schemas/Event.ts";

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Event));

const fileOf = (home: string, run: string): string => path.join(home, "runs", run, "events.jsonl");

export class EventLog {
  readonly #lines: LineFollower;
  #unreadable = 0;

  constructor(home: string, run: string) {
    this.#lines = new LineFollower(fileOf(home, run), "beginning");
  }

  /** The events since the last call. A line without its end is not told: its writer is not done with it, or dead. */
  read(): ReadonlyArray<Event> {
    const events: Array<Event> = [];
    for (let lines = this.#lines.read(); lines.length > 0; lines = this.#lines.read()) {
      for (const line of lines) {
        const event = Option.getOrUndefined(decode(line));
        if (event === undefined) this.#unreadable += 1;
        else events.push(event);
      }
    }
    return events;
  }

  /** How many lines were no events: a disk was full, or another version of pipe wrote them. */
  get unreadable(): number {
    return this.#unreadable;
  }
}

/** More than the first or the last event of a run ever takes. */
const endBytes = 4096;

/** The first and the last event of a run, without reading what lies between. */
export const endsOfLog = (
  home: string,
  run: string,
): { readonly first: Event | undefined; readonly last: Event | undefined } => {
  const [head, tail] = endsOfFile(fileOf(home, run), endBytes) ?? ["", ""];
  return { first: eventIn(head.split("\n").at(0)), last: eventIn(tail.split("\n").at(-2)) };
};

const eventIn = (line: string | undefined): Event | undefined =>
  line === undefined ? undefined : Option.getOrUndefined(decode(line));

/** The first and the last bytes of a file as text; nothing where it can't be read. */
export const endsOfFile = (file: string, most: number): readonly [string, string] | undefined => {
  try {
    const descriptor = fs.openSync(file, "r");
    try {
      const { size } = fs.fstatSync(descriptor);
      const piece = (from: number) => {
        const buffer = Buffer.alloc(Math.min(most, size));
        fs.readSync(descriptor, buffer, 0, buffer.length, from);
        return buffer.toString("utf8");
      };
      return [piece(0), piece(Math.max(0, size - most))];
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
};
