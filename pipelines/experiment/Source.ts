/** Texts and places in them: a value keeps its place, so that an error at point 731 of a sweep can show its line. */
import { LineCounter } from "yaml";
import type { SourceSpan } from "../../schemas/Diagnostic.ts";

/** A stretch of a text: offsets in UTF-16 code units, end exclusive. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A text with places: a file, or an override from the command line. */
export class Source {
  readonly file: string;
  readonly text: string;
  private lines: LineCounter | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** The span of a place, cut at the end of its first line. */
  span(start: number, end: number): SourceSpan {
    const { line, col } = this.lineCounter().linePos(Math.min(start, this.text.length));
    const lineStart = start - (col - 1);
    const newline = this.text.indexOf("\n", lineStart);
    const lineEnd = newline === -1 ? this.text.length : newline;
    const text = this.text.slice(lineStart, lineEnd).replace(/\r$/u, "");
    return {
      file: this.file,
      line,
      col,
      length: Math.max(1, Math.min(end, lineEnd) - start),
      text,
    };
  }

  private lineCounter(): LineCounter {
    if (this.lines === undefined) {
      this.lines = new LineCounter();
      this.lines.addNewLine(0);
      for (let at = this.text.indexOf("\n"); at !== -1; at = this.text.indexOf("\n", at + 1)) {
        this.lines.addNewLine(at + 1);
      }
    }
    return this.lines;
  }
}

export const spanOf = (place: Place): SourceSpan => place.source.span(place.start, place.end);
