/** Turns a schema's issue into diagnostics: each with its place, what was expected, and the nearest valid name. */
import { SchemaAST, type SchemaIssue } from "effect";
import { type Diagnostic, nearestName, unknownName } from "../../schemas/Diagnostic.ts";
import { entryOf, type Located, placeAt, toJson, valueAt } from "./Located.ts";
import {
  type Choices,
  choicesOf,
  expectation,
  itemsWords,
  keyRule,
  propertyNames,
  type Tagged,
  taggedWords,
} from "./schemaWords.ts";
import { type Place, spanOf } from "./Source.ts";

type Path = ReadonlyArray<PropertyKey>;

interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly expected?: string;
  readonly suggestion?: string;
  readonly onKey?: boolean;
  /** The key that is missing, or that an unknown key probably means. */
  readonly key?: string;
}

/** A misspelt key is one mistake, not an unknown key and a missing one. */
const withoutMisspelt = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const meant = new Set(findings.map(({ onKey, key }) => (onKey === true ? key : undefined)));
  return findings.filter(
    ({ onKey, key }) => onKey === true || key === undefined || !meant.has(key),
  );
};

/** `within` names the value in messages, such as "the experiment". Issues of the whole value are placed at `fallback`. */
export const diagnose = (
  issue: SchemaIssue.Issue,
  located: Located,
  within: string,
  fallback?: Place,
): ReadonlyArray<Diagnostic> =>
  new Finder(located, within)
    .find(issue, [])
    .map(({ path, message, expected, suggestion, onKey }) => {
      const at =
        path.length === 0 && fallback !== undefined
          ? fallback
          : placeAt(located, path, { onKey: onKey === true });
      return {
        message,
        at: spanOf(at),
        ...(expected === undefined ? {} : { expected }),
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    });

/** Walks an issue down to its leaves. Values come from the located source, since issues carry only some. */
class Finder {
  private readonly located: Located;
  private readonly within: string;

  constructor(located: Located, within: string) {
    this.located = located;
    this.within = within;
  }

  find(issue: SchemaIssue.Issue, path: Path, parent?: SchemaAST.AST): ReadonlyArray<Finding> {
    switch (issue._tag) {
      case "Pointer":
        return this.find(issue.issue, [...path, ...issue.path], parent);
      case "Encoding":
        return this.find(issue.issue, path, parent);
      case "Composite":
        return withoutMisspelt(issue.issues.flatMap((inner) => this.find(inner, path, issue.ast)));
      case "UnexpectedKey":
        return SchemaAST.isArrays(issue.ast)
          ? [this.wrongLength(path.slice(0, -1), issue.ast)]
          : [this.unknownKey(path, issue.ast)];
      case "MissingKey": {
        if (parent !== undefined && SchemaAST.isArrays(parent))
          return [this.wrongLength(path.slice(0, -1), parent)];
        const key = String(path.at(-1));
        const message = `\`${key}\` is missing in ${this.describe(path.slice(0, -1))}`;
        return [{ path, key, message }];
      }
      case "AnyOf":
        return this.findInUnion(issue, path);
      default:
        return [this.wrongValue(path, expectation(issue))];
    }
  }

  private unknownKey(path: Path, ast: SchemaAST.AST): Finding {
    const key = String(path.at(-1));
    const within = this.describe(path.slice(0, -1));
    const rule = keyRule(ast);
    if (rule !== undefined)
      return {
        path,
        onKey: true,
        message: `\`${key}\` can't be a key in ${within}`,
        expected: rule,
      };
    const valid = SchemaAST.isObjects(ast) ? propertyNames(ast) : [];
    const { message, ...hints } = unknownName("key", key, valid);
    const meant = optional("key", nearestName(key, valid));
    return { path, onKey: true, message: `${message} in ${within}`, ...hints, ...meant };
  }

  /** A union of names, of objects that a key tells apart, or of plain types. */
  private findInUnion(issue: SchemaIssue.AnyOf, path: Path): ReadonlyArray<Finding> {
    const value = valueAt(this.located, path);
    const choices = choicesOf(issue.ast);
    const wrongTag = choices.tagged && this.wrongTag(value, choices.tagged, path);
    if (wrongTag !== undefined) return [wrongTag];
    const [single, ...others] = issue.issues;
    // Only one member comes into question; where its type is wrong too, the union's words say more.
    const isInside =
      single !== undefined &&
      others.length === 0 &&
      single._tag !== "InvalidType" &&
      single._tag !== "AnyOf";
    if (isInside) return this.find(single, path);
    const finding = this.wrongValue(path, choices.words);
    return [{ ...finding, ...optional("suggestion", choiceHint(value, choices)) }];
  }

  /** The key that tells a union's objects apart is missing, misspelt or has another value. */
  private wrongTag(
    value: Located | undefined,
    { key, values }: Tagged,
    path: Path,
  ): Finding | undefined {
    if (value?.kind !== "map") return undefined;
    const tag = entryOf(value, key)?.value;
    if (tag === undefined) {
      const within = this.describe(path);
      const misspelt = value.entries.find((entry) => nearestName(entry.key, [key]) === key);
      if (misspelt === undefined)
        return {
          path,
          message: `\`${key}\` is missing in ${within}`,
          expected: taggedWords({ key, values }),
        };
      const { message, ...hints } = unknownName("key", misspelt.key, [key]);
      const at = [...path, misspelt.key];
      return { path: at, onKey: true, message: `${message} in ${within}`, ...hints };
    }
    const name = tag.kind === "scalar" ? String(tag.value) : "";
    if (values.includes(name)) return undefined;
    const { message, ...hints } = unknownName(key, name, values);
    return { path: [...path, key], message: `${message} of ${this.describe(path)}`, ...hints };
  }

  private wrongLength(path: Path, list: SchemaAST.Arrays): Finding {
    return { path, message: this.is(path), expected: itemsWords(list) };
  }

  private wrongValue(path: Path, expected: string): Finding {
    return {
      path,
      message: this.is(path),
      expected,
      ...optional("suggestion", labelHint(valueAt(this.located, path))),
    };
  }

  private is(path: Path): string {
    const value = valueAt(this.located, path);
    const text = value === undefined ? "not valid" : JSON.stringify(toJson(value));
    return `${this.describe(path)} is ${text.length > 60 ? `${text.slice(0, 57)}…` : text}`;
  }

  private describe(path: Path): string {
    return path.length === 0 ? this.within : `\`${path.map(String).join(".")}\` of ${this.within}`;
  }
}

const optional = <K extends string>(key: K, value: string | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [name in K]?: string };

/** A misspelt name, or the tag of an object in the object's place; else the hint at a label. */
const choiceHint = (value: Located | undefined, { names, tagged }: Choices): string | undefined => {
  if (value?.kind !== "scalar") return undefined;
  const text = String(value.value);
  const near = nearestName(text, names);
  if (tagged?.values.includes(text) === true) return `write \`{ ${tagged.key}: ${text} }\``;
  return near === undefined ? labelHint(value) : `did you mean \`${near}\`?`;
};

/** `seed: ${seed}` is text, even if the axis has numbers. */
const labelHint = (value: Located | undefined): string | undefined => {
  if (value?.kind !== "scalar" || value.mentions === undefined) return undefined;
  const { source, start, end } = value.at;
  const name = /^["']?\$\{([^}]*)\}["']?$/u.exec(source.text.slice(start, end))?.[1];
  return name === undefined
    ? undefined
    : `write \`$${name}\`: \`\${${name}}\` is the label, a text`;
};
