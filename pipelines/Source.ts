/**
 * YAML with its positions kept: every value knows the file and the stretch it was written at, so that an error about
 * point 731 of a sweep can show the line that made it.
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from "yaml";
import type { Diagnostic, SourceSpan } from "../schemas/Diagnostic.ts";
import type { Json } from "../schemas/Digest.ts";

/** A stretch of a text: offsets in UTF-16 code units, end exclusive. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

interface Entry {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: Located;
}

/** A value together with where it stands. `weight` counts the values in it, aliases followed. */
export type Located =
  | {
      readonly kind: "scalar";
      readonly value: string | number | boolean | null;
      readonly at: Place;
      readonly weight: 1;
      /** The axis values whose labels have come into the text. */
      readonly mentions?: ReadonlyArray<{ readonly label: string; readonly value: Located }>;
    }
  | {
      readonly kind: "list";
      readonly items: ReadonlyArray<Located>;
      readonly at: Place;
      readonly weight: number;
    }
  | {
      readonly kind: "map";
      readonly entries: ReadonlyArray<Entry>;
      readonly at: Place;
      readonly weight: number;
    };

/** A text that positions refer to: a file, or an override given on the command line. */
export class Source {
  readonly file: string;
  readonly text: string;
  private lines: LineCounter | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** The span of a place; one that runs over several lines is cut at the end of its first. */
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

/** What aliases may add to a document: beyond this, a small file stands for an unreasonable tree. */
const aliasBudget = 100_000;

/** Reads a document; `value` is there unless the text is no YAML, or explodes. Never throws on any text. */
export const parseSource = (
  source: Source,
): { readonly value?: Located; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const document = parseDocument(source.text, {
    prettyErrors: false,
    // Ours to check: the parser compares each key with all before it.
    uniqueKeys: false,
    merge: false,
  });
  const diagnostics = document.errors.map((error) => yamlDiagnostic(source, error));
  // What a broken text seems to say is guesswork, and its errors would be, too.
  if (diagnostics.length > 0) return { diagnostics };
  if (document.contents === null) {
    return {
      diagnostics: [
        {
          message: "the file is empty",
          at: source.span(0, 1),
          expected: "an experiment: `name` and `stages`",
        },
      ],
    };
  }
  const reader = new Reader(source, (alias) => alias.resolve(document));
  const value = reader.read(document.contents);
  return { diagnostics: reader.diagnostics, ...(reader.exploded ? {} : { value }) };
};

/** Turns YAML nodes into located values; an anchor is read once and shared by its aliases. */
class Reader {
  readonly diagnostics: Array<Diagnostic> = [];
  private readonly source: Source;
  private readonly resolve: (alias: Alias) => Node | undefined;
  private readonly known = new Map<Node, Located>();
  private readonly open = new Set<Node>();
  private aliased = 0;

  /** The aliases stand for more than anybody means; what was read is not the whole. */
  get exploded(): boolean {
    return this.aliased > aliasBudget;
  }

  constructor(source: Source, resolve: (alias: Alias) => Node | undefined) {
    this.source = source;
    this.resolve = resolve;
  }

  read(node: Node): Located {
    if (isAlias(node)) return this.readAlias(node);
    const known = this.known.get(node);
    if (known !== undefined) return known;
    this.open.add(node);
    const located = this.readValue(node);
    this.open.delete(node);
    this.known.set(node, located);
    return located;
  }

  private readAlias(alias: Alias): Located {
    const at = this.place(alias);
    const target = this.resolve(alias);
    if (target === undefined)
      return this.reject(at, `the anchor \`${alias.source}\` is not defined before this alias`);
    if (this.open.has(target))
      return this.reject(at, `the alias \`*${alias.source}\` stands inside its own anchor`);
    const value = this.read(target);
    const before = this.aliased;
    this.aliased += value.weight;
    if (this.aliased <= aliasBudget) return value;
    if (before > aliasBudget) return { kind: "scalar", value: null, at, weight: 1 };
    return this.reject(at, `the aliases up to this one expand to more than ${aliasBudget} values`);
  }

  private readValue(node: Node): Located {
    const at = this.place(node);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.readItem(item, at));
      return { kind: "list", items, at, weight: weigh(items) };
    }
    if (isMap(node)) {
      const seen = new Set<string>();
      const entries = node.items.map((pair) => {
        const keyNode = pair.key as Node | null;
        const keyAt = keyNode === null ? at : this.place(keyNode);
        if (keyNode !== null && !isScalar(keyNode))
          this.reject(keyAt, "a key must be a plain name");
        const key = isScalar(keyNode) ? String(keyNode.value) : "";
        if (!key.isWellFormed()) this.reject(keyAt, halfCharacter);
        if (seen.has(key))
          this.reject(keyAt, `the key \`${key}\` is written twice`, "each key once");
        seen.add(key);
        return { key, keyAt, value: this.readItem(pair.value, keyAt) };
      });
      return { kind: "map", entries, at, weight: weigh(entries.map((entry) => entry.value)) };
    }
    const value = isScalar(node) ? node.value : null;
    if (typeof value === "number" && !Number.isFinite(value))
      return this.reject(at, "a number must be finite");
    if (typeof value === "string" && !value.isWellFormed()) return this.reject(at, halfCharacter);
    if (typeof value === "bigint") return this.reject(at, "the number is too large");
    const plain =
      typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return { kind: "scalar", value: plain ? value : null, at, weight: 1 };
  }

  private readItem(item: unknown, parent: Place): Located {
    return item === null
      ? { kind: "scalar", value: null, at: parent, weight: 1 }
      : this.read(item as Node);
  }

  private reject(at: Place, message: string, expected?: string): Located {
    const hint = expected === undefined ? {} : { expected };
    this.diagnostics.push({ message, at: spanOf(at), ...hint });
    return { kind: "scalar", value: null, at, weight: 1 };
  }

  private place(node: Node): Place {
    const [start, end] = node.range ?? [0, 1];
    return { source: this.source, start, end };
  }
}

/** Such a text has no UTF-8, so no key and no file name. */
const halfCharacter = "the text holds half a character (a lone surrogate)";

const weigh = (parts: ReadonlyArray<Located>): number =>
  parts.reduce((sum, part) => Math.min(sum + part.weight, Number.MAX_SAFE_INTEGER), 1);

const yamlDiagnostic = (source: Source, error: YAMLError): Diagnostic => {
  const [start, end] = error.pos;
  const at = source.span(start, Math.max(end, start + 1));
  return error.code === "TAB_AS_INDENT"
    ? { message: "a tab is used as indentation", at, expected: "spaces" }
    : { message: `not YAML: ${error.message.split("\n")[0] ?? error.code}`, at };
};

/** The plain value, positions dropped. */
export const toJson = (located: Located): Json => {
  switch (located.kind) {
    case "scalar":
      return located.value;
    case "list":
      return located.items.map(toJson);
    case "map":
      // fromEntries defines own properties, so that a key named __proto__ stays a key
      return Object.fromEntries(located.entries.map((entry) => [entry.key, toJson(entry.value)]));
  }
};

const keyIndexes = new WeakMap<Located, ReadonlyMap<string, Entry>>();

/** The entry of a key; the index makes looking up every stage of a large experiment linear. */
export const entryOf = (located: Located | undefined, key: string): Entry | undefined => {
  if (located?.kind !== "map") return undefined;
  let index = keyIndexes.get(located);
  if (index === undefined) {
    index = new Map(located.entries.map((entry) => [entry.key, entry]));
    keyIndexes.set(located, index);
  }
  return index.get(key);
};

/** The value that a path leads to, if it leads anywhere. */
export const valueAt = (located: Located, path: ReadonlyArray<PropertyKey>): Located | undefined =>
  path.reduce<Located | undefined>(
    (here, step) =>
      here?.kind === "list" && typeof step === "number"
        ? here.items[step]
        : entryOf(here, String(step))?.value,
    located,
  );

/**
 * The place that a path leads to, or the deepest one on the way there. `onKey` asks for the key's own place, where it
 * is the key that is wrong.
 */
export const placeAt = (
  located: Located,
  path: ReadonlyArray<PropertyKey>,
  options?: { readonly onKey?: boolean },
): Place => {
  let here = located;
  let at = located.at;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (here.kind === "list" && typeof step === "number" && here.items[step] !== undefined) {
      here = here.items[step];
      at = here.at;
      continue;
    }
    const entry = entryOf(here, String(step));
    if (entry === undefined) break;
    here = entry.value;
    at = last && options?.onKey === true ? entry.keyAt : here.at;
  }
  return at;
};
