/** Parses YAML into located values. */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLWarning,
} from "yaml";
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import type { Entry, Located } from "./Located.ts";
import { readScalar } from "./readScalar.ts";
import { type Place, type Source, spanOf } from "./Source.ts";

/** How many values aliases may add, so that a small file can't expand without bound. */
const aliasBudget = 100_000;

/** `value` is absent where the text is not YAML or its aliases expand too far. Throws for no text. */
export const parseSource = (
  source: Source,
): { readonly value?: Located; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const document = parseDocument(source.text, {
    prettyErrors: false,
    // Checked below: the parser compares each key with all keys before it, which is quadratic.
    uniqueKeys: false,
    merge: false,
  });
  const diagnostics = [...document.errors, ...document.warnings].map((error) =>
    yamlDiagnostic(source, error),
  );
  // The parser guesses the rest of a broken text, so further errors would be guesses.
  if (diagnostics.length > 0) return { diagnostics };
  if (document.contents === null) {
    return {
      diagnostics: [
        {
          message: "the file is empty",
          at: source.span(0, 1),
          expected: "an experiment with `name` and `stages`",
        },
      ],
    };
  }
  if (document.directives?.yaml.version === "1.1") {
    const at = source.span(source.text.indexOf("%YAML"), source.text.indexOf("%YAML") + 9);
    // There `yes` is true, and `1_000` is a number.
    diagnostics.push({ message: "YAML 1.1 reads other values", at, expected: "YAML 1.2" });
  }
  const reader = new Reader(source, (alias) => alias.resolve(document));
  const value = reader.read(document.contents);
  diagnostics.push(...reader.diagnostics);
  return { diagnostics, ...(reader.isOverBudget ? {} : { value }) };
};

/** Turns YAML nodes into located values. An anchor is read once and shared by its aliases. */
class Reader {
  readonly diagnostics: Array<Diagnostic> = [];
  private readonly source: Source;
  private readonly resolve: (alias: Alias) => Node | undefined;
  private readonly known = new Map<Node, Located>();
  private readonly open = new Set<Node>();
  private aliased = 0;

  /** The aliases exceeded their budget, so the value is incomplete. */
  get isOverBudget(): boolean {
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
      return this.reject(
        at,
        `the alias \`*${alias.source}\` has no anchor`,
        `\`&${alias.source}\` before it`,
      );
    if (this.open.has(target))
      return this.reject(at, `the alias \`*${alias.source}\` is inside its own anchor`);
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
      const entries = this.readEntries(node.items as ReadonlyArray<Pair<Node | null>>, at);
      return { kind: "map", entries, at, weight: weigh(entries.map((entry) => entry.value)) };
    }
    const read = readScalar(node as Scalar);
    return "message" in read
      ? this.reject(at, read.message, read.expected)
      : { kind: "scalar", value: read.value, at, weight: 1 };
  }

  private readEntries(pairs: ReadonlyArray<Pair<Node | null>>, at: Place): ReadonlyArray<Entry> {
    const entries = new Map<string, Entry>();
    const merged: Array<Entry> = [];
    for (const { key: keyNode, value: item } of pairs) {
      const keyAt = keyNode === null ? at : this.place(keyNode);
      const key = this.readKey(keyNode, keyAt);
      const value = this.readItem(item, keyAt);
      if (isMergeKey(keyNode)) {
        merged.push(...this.readMerged(value));
        continue;
      }
      if (entries.has(key)) this.reject(keyAt, `the key \`${key}\` occurs twice`, "each key once");
      entries.set(key, { key, keyAt, value });
    }
    // A map's own keys come before merged ones, and earlier maps before later ones.
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return [...entries.values()];
  }

  private readKey(node: Node | null, at: Place): string {
    if (node === null) return "";
    if (!isScalar(node)) {
      this.reject(at, "the key is not a plain name", "a text or a number");
      return "";
    }
    const read = readScalar(node);
    if ("message" in read) this.reject(at, read.message, read.expected);
    // The key `1.0` is not `1`.
    return typeof node.value === "string" ? node.value : (node.source ?? "");
  }

  /** `<<: *base` or `<<: [*one, *other]` */
  private readMerged(value: Located): ReadonlyArray<Entry> {
    if (value.kind === "map") return value.entries;
    const maps = value.kind === "list" ? value.items : [];
    if (maps.length === 0 || maps.some(({ kind }) => kind !== "map"))
      this.reject(value.at, "the merge key `<<` needs a mapping", "an alias such as `<<: *base`");
    return maps.flatMap((map) => (map.kind === "map" ? map.entries : []));
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

const isMergeKey = (node: Node | null): boolean =>
  isScalar(node) && node.type === "PLAIN" && node.value === "<<";

const weigh = (parts: ReadonlyArray<Located>): number =>
  parts.reduce((sum, part) => Math.min(sum + part.weight, Number.MAX_SAFE_INTEGER), 1);

const yamlDiagnostic = (source: Source, error: YAMLError | YAMLWarning): Diagnostic => {
  const [start, end] = error.pos;
  const at = source.span(start, Math.max(end, start + 1));
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { message: "a tab is used as indentation", at, expected: "spaces" };
    case "MULTIPLE_DOCS":
      return { message: "a second document begins here", at, expected: "one experiment a file" };
    case "TAG_RESOLVE_FAILED":
      return { message: "the tag has no meaning here", at, expected: "a value without a tag" };
    default:
      return { message: `not YAML: ${error.message.split("\n")[0] ?? error.code}`, at };
  }
};
