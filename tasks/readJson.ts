import { Result } from "effect";
import type { FailureReason } from "./FailureReason.ts";

/** Captions and answers need less nesting, wrappers included; deeper text is refused. */
const maximumDepth = 6;

/**
 * Parses JSON as models write it: with or without a code fence, strictly or with round brackets, single quotes, bare words
 * (`-`, `None`, `a`) and extra commas. Takes time linear in the text.
 */
export const readJson = (text: string): Result.Result<unknown, FailureReason> => {
  const body = withoutFence(text.trim());
  try {
    return Result.succeed(JSON.parse(body) as unknown);
  } catch {
    const value = new LenientReader(body).whole();
    return value === undefined ? Result.fail("bad-json") : Result.succeed(value);
  }
};

/** The content of the first code fence, or the whole text without one; JSON itself needs no backticks. */
const withoutFence = (text: string): string => {
  const opened = text.indexOf("```");
  if (opened < 0) return text;
  const closed = text.indexOf("```", opened + 3);
  const inner = text.slice(opened + 3, closed < 0 ? text.length : closed);
  return inner.replace(/^[A-Za-z0-9]*/, "").trim();
};

const closing: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}" };

/** A recursive descent parser of the lenient grammar; `undefined` means a syntax error. */
class LenientReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Reads the text as one list or object; a single word is prose, not JSON. */
  whole(): unknown {
    if (!/[[({]/.test(this.text[0] ?? "")) return undefined;
    const value = this.value(0);
    this.skip(/[\s,;.]*/y);
    return this.at === this.text.length ? value : undefined;
  }

  private value(depth: number): unknown {
    this.skip(/\s*/y);
    const first = this.text[this.at] ?? "";
    if (first === "[" || first === "(") return this.list(closing[first]!, depth);
    if (first === "{") return this.object(depth);
    if (first === '"' || first === "'") return this.quoted(first);
    return bareValue(this.skip(/[^\s,:;[\](){}"']*/y));
  }

  private list(close: string, depth: number): unknown {
    if (depth >= maximumDepth) return undefined;
    const items: Array<unknown> = [];
    this.at++;
    while (!this.closes(close)) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  private object(depth: number): unknown {
    if (depth >= maximumDepth) return undefined;
    // Without a prototype, a key such as "__proto__" is a key like any other.
    const fields: Record<string, unknown> = Object.create(null);
    this.at++;
    while (!this.closes("}")) {
      const key = this.value(maximumDepth);
      if (key === undefined || this.skip(/\s*:/y) === "") return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      fields[String(key)] = value;
    }
    return fields;
  }

  private quoted(quote: string): string | undefined {
    const from = this.at + 1;
    const to = this.text.indexOf(quote, from);
    if (to < 0) return undefined;
    this.at = to + 1;
    return this.text.slice(from, to);
  }

  /** Skips commas and blanks, then the closing bracket if it is next. */
  private closes(close: string): boolean {
    this.skip(/[\s,]*/y);
    if (this.text[this.at] !== close) return false;
    this.at++;
    return true;
  }

  /** Skips the match of the sticky pattern and returns it. */
  private skip(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const matched = pattern.exec(this.text)?.[0] ?? "";
    this.at += matched.length;
    return matched;
  }
}

const bareValue = (word: string): unknown => {
  if (word === "") return undefined;
  if (word === "null" || word === "None") return null;
  return /^\d{1,8}$/.test(word) ? Number(word) : word;
};
