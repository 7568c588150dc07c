/** A terminal with lines that stay and, below them, a part that is redrawn. */
import { stripVTControlCharacters } from "node:util";
import { width } from "../../kinds/terminal.ts";
import type { Screen } from "./liveLines.ts";

const escape = "\u001B[";
const hideCursor = `${escape}?25l`;
const showCursor = `${escape}?25h`;
/** A terminal that knows synchronized output shows all between the two at once; others ignore them. */
const beginFrame = `${escape}?2026h`;
const endFrame = `${escape}?2026l`;

export class LiveScreen {
  private readonly stream: NodeJS.WriteStream;
  private readonly write: (text: string) => void;
  private moving: ReadonlyArray<string> = [];
  private isCursorHidden = false;

  constructor(stream: NodeJS.WriteStream, write: (text: string) => void) {
    this.stream = stream;
    this.write = write;
  }

  /** A terminal that does not know its size says 0. */
  get size(): Screen {
    return { columns: this.stream.columns || 80, rows: this.stream.rows || 24 };
  }

  /** Adds lines that stay and replaces the moving part. */
  draw(lines: ReadonlyArray<string>, moving: ReadonlyArray<string>): void {
    if (lines.length === 0 && moving.length === 0 && this.moving.length === 0) return;
    const text = [...lines, ...moving].map((line) => `${line}\n`).join("");
    const cursor = moving.length > 0 && !this.isCursorHidden ? hideCursor : "";
    if (cursor !== "") this.isCursorHidden = true;
    const shown = moving.length === 0 ? this.restoredCursor() : "";
    this.write(`${beginFrame}${cursor}${this.erase()}${text}${shown}${endFrame}`);
    this.moving = moving;
  }

  /** Leaves the terminal as it was found: what moved is erased, the cursor is back. */
  close(): void {
    this.draw([], []);
    const shown = this.restoredCursor();
    if (shown !== "") this.write(shown);
  }

  private restoredCursor(): string {
    if (!this.isCursorHidden) return "";
    this.isCursorHidden = false;
    return showCursor;
  }

  /** A terminal that became narrower has wrapped the lines, so each may fill several rows now. */
  private erase(): string {
    const { columns } = this.size;
    const rows = this.moving.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(width(stripVTControlCharacters(line)) / columns)),
      0,
    );
    return rows === 0 ? "" : `${escape}${rows}A${escape}0J`;
  }
}
