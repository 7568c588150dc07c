/** Reads the event log of a run, even while it grows or after its writer was killed in the middle of a line. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { LineFollower } from "../../executors/LineFollower.ts";
import { Event } from "../../schemas/Event.ts";

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Event));

export class EventLog {
  private readonly lines: LineFollower;
  private unreadableCount = 0;

  constructor(home: string, run: string) {
    this.lines = new LineFollower(RunDirectory.of(home, run).events, 0);
  }

  /** The events since the last call. An unfinished line is left: its writer is still writing it, or dead. */
  read(): ReadonlyArray<Event> {
    const events: Array<Event> = [];
    for (let lines = this.lines.read(); lines.length > 0; lines = this.lines.read()) {
      for (const line of lines) {
        const event = Option.getOrUndefined(decode(line));
        if (event === undefined) this.unreadableCount += 1;
        else events.push(event);
      }
    }
    return events;
  }

  /** How many lines were not events: a disk was full, or another version of pipe wrote them. */
  get unreadable(): number {
    return this.unreadableCount;
  }
}

/** More than the first or last event of a run needs. */
const endBytes = 4096;

/** The first and last event of a run, without reading the events between. */
export const endsOfLog = (
  home: string,
  run: string,
): { readonly first: Event | undefined; readonly last: Event | undefined } => {
  const [head, tail] = endsOfFile(RunDirectory.of(home, run).events, endBytes) ?? ["", ""];
  return { first: eventIn(head.split("\n").at(0)), last: eventIn(tail.split("\n").at(-2)) };
};

const eventIn = (line: string | undefined): Event | undefined =>
  line === undefined ? undefined : Option.getOrUndefined(decode(line));

/** The first and last bytes of a file as text; undefined where it can't be read. */
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
