import { Result } from "effect";
import type { FailureReason } from "./FailureReason.ts";

/** Nesting that a caption or answer can need, with room for a wrapper; deeper text is not worth reading. */
const maximumDepth = 6;

/**
 * JSON as models write it: in a code fence or not, strictly or with round brackets, single quotes, bare words
 * (`-`, `None`, `a`) and commas too many. Takes time linear in the text.
 */
export function readJson(text: string): Result.Result<unknown, FailureReason> {
  const body = withoutFence(text.trim());
  try {
    return Result.succeed(JSON.parse(body) as unknown);
  } catch {
    const value = new LenientReader(body).whole();
    return value === undefined ? Result.fail("bad-json") : Result.succeed(value);
  }
}

/** What stands in the first code fence, or all of the text when there is none; JSON itself has no use for backticks. */
function withoutFence(text: string): string {
  const opened = text.indexOf("```");
  if (opened < 0) return text;
  const closed = text.indexOf("```", opened + 3);
  const inner = text.slice(opened + 3, closed < 0 ? text.length : closed);
  return inner.replace(/^[A-Za-z0-9]*/, "").trim();
}

const closing: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}" };

/** A recursive descent over the lenient grammar; `undefined` stands for text that does not fit it. */
class LenientReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text as one list or object; a word by itself is prose, not JSON. */
  whole(): unknown {
    if (!/[[({]/.test(this.#text[0] ?? "")) return undefined;
    const value = this.#value(0);
    this.#skip(/[\s,;.]*/y);
    return this.#at === this.#text.length ? value : undefined;
  }

  #value(depth: number): unknown {
    this.#skip(/\s*/y);
    const first = this.#text[this.#at] ?? "";
    if (first === "[" || first === "(") return this.#list(closing[first]!, depth);
    if (first === "{") return this.#object(depth);
    if (first === '"' || first === "'") return this.#quoted(first);
    return bareValue(this.#skip(/[^\s,:;[\](){}"']*/y));
  }

  #list(close: string, depth: number): unknown {
    if (depth >= maximumDepth) return undefined;
    const items: Array<unknown> = [];
    this.#at++;
    while (!this.#closes(close)) {
      const item = this.#value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #object(depth: number): unknown {
    if (depth >= maximumDepth) return undefined;
    // Without a prototype, a key such as "__proto__" is a key like any other.
    const fields: Record<string, unknown> = Object.create(null);
    this.#at++;
    while (!this.#closes("}")) {
      const key = this.#value(maximumDepth);
      if (key === undefined || this.#skip(/\s*:/y) === "") return undefined;
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      fields[String(key)] = value;
    }
    return fields;
  }

  #quoted(quote: string): string | undefined {
    const from = this.#at + 1;
    const to = this.#text.indexOf(quote, from);
    if (to < 0) return undefined;
    this.#at = to + 1;
    return this.#text.slice(from, to);
  }

  /** Steps over commas and blanks, then over the closing bracket if it is next. */
  #closes(close: string): boolean {
    this.#skip(/[\s,]*/y);
    if (this.#text[this.#at] !== close) return false;
    this.#at++;
    return true;
  }

  /** Steps over what the sticky pattern matches here and returns it. */
  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const matched = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += matched.length;
    return matched;
  }
}

function bareValue(word: string): unknown {
  if (word === "") return undefined;
  if (word === "null" || word === "None") return null;
  return /^\d{1,8}$/.test(word) ? Number(word) : word;
}
