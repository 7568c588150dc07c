/** Turns a schema's issue into diagnostics: each with its place, what was expected, and the nearest valid name. */
import { SchemaAST, type SchemaIssue, SchemaIssue as Issues } from "effect";
import { type Diagnostic, nearestName, unknownName } from "../../schemas/Diagnostic.ts";
import { entryOf, type Located, placeAt, toJson, valueAt } from "./Located.ts";
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

  find(
    issue: SchemaIssue.Issue,
    path: Path,
    siblings: ReadonlyArray<string> = [],
  ): ReadonlyArray<Finding> {
    switch (issue._tag) {
      case "Pointer":
        return this.find(issue.issue, [...path, ...issue.path], siblings);
      case "Encoding":
        return this.find(issue.issue, path, siblings);
      case "Composite": {
        const keys = SchemaAST.isObjects(issue.ast) ? propertyNames(issue.ast) : siblings;
        return withoutMisspelt(issue.issues.flatMap((inner) => this.find(inner, path, keys)));
      }
      case "UnexpectedKey": {
        const rule = keyRule(issue.ast);
        if (rule !== undefined) {
          const message = `\`${String(path.at(-1))}\` can't be a key in ${this.describe(path.slice(0, -1))}`;
          return [{ path, onKey: true, message, expected: rule }];
        }
        const { message, ...hints } = unknownName("key", String(path.at(-1)), siblings);
        return [
          {
            path,
            onKey: true,
            message: `${message} in ${this.describe(path.slice(0, -1))}`,
            ...hints,
            ...optional("key", nearestName(String(path.at(-1)), siblings)),
          },
        ];
      }
      case "MissingKey":
        return [
          {
            path,
            key: String(path.at(-1)),
            message: `\`${String(path.at(-1))}\` is missing in ${this.describe(path.slice(0, -1))}`,
          },
        ];
      case "AnyOf":
        return this.findInUnion(issue, path);
      default:
        return [this.wrongValue(path, expectation(issue))];
    }
  }

  /** A union of names, of objects with different `kind`, or of plain types. */
  private findInUnion(issue: SchemaIssue.AnyOf, path: Path): ReadonlyArray<Finding> {
    const [single, ...others] = issue.issues;
    if (single !== undefined && others.length === 0) return this.find(single, path);
    const value = valueAt(this.located, path);
    const { types } = issue.ast;
    const names = types.flatMap((type) =>
      SchemaAST.isLiteral(type) ? [String(type.literal)] : [],
    );
    if (names.length === types.length) {
      const near =
        value?.kind === "scalar" && typeof value.value === "string"
          ? nearestName(value.value, names)
          : undefined;
      const suggestion = near === undefined ? {} : { suggestion: `did you mean \`${near}\`?` };
      return [
        { path, message: this.is(path), expected: `one of ${names.join(", ")}`, ...suggestion },
      ];
    }
    const kinds = types.flatMap(kindOf);
    if (kinds.length < types.length) return [this.wrongValue(path, expectation(issue))];
    if (value?.kind !== "map")
      return [
        {
          path,
          message: this.is(path),
          expected: `an object with kind: one of ${kinds.join(", ")}`,
        },
      ];
    const kind = entryOf(value, "kind")?.value;
    if (kind === undefined) {
      return [
        {
          path,
          message: `\`kind\` is missing in ${this.describe(path)}`,
          expected: `kind: one of ${kinds.join(", ")}`,
        },
      ];
    }
    const { message, ...hints } = unknownName(
      "kind",
      kind.kind === "scalar" ? String(kind.value) : "",
      kinds,
    );
    return [{ path: [...path, "kind"], message: `${message} of ${this.describe(path)}`, ...hints }];
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

/** `seed: ${seed}` is text, even if the axis has numbers. */
const labelHint = (value: Located | undefined): string | undefined => {
  if (value?.kind !== "scalar" || value.mentions === undefined) return undefined;
  const { source, start, end } = value.at;
  const name = /^["']?\$\{([^}]*)\}["']?$/u.exec(source.text.slice(start, end))?.[1];
  return name === undefined
    ? undefined
    : `write \`$${name}\`: \`\${${name}}\` is the label, a text`;
};

const kindOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  if (!SchemaAST.isObjects(ast)) return [];
  const kind = ast.propertySignatures.find((property) => property.name === "kind")?.type;
  return kind !== undefined && SchemaAST.isLiteral(kind) ? [String(kind.literal)] : [];
};

const propertyNames = (ast: SchemaAST.Objects): ReadonlyArray<string> =>
  ast.propertySignatures.map((property) => String(property.name));

/** A record's rule for its keys, by the message of its check; undefined for an object with listed keys. */
const keyRule = (ast: SchemaAST.AST): string | undefined => {
  if (!SchemaAST.isObjects(ast)) return undefined;
  const rules = ast.indexSignatures.flatMap(({ parameter }) => parameter.checks ?? []);
  const rule = rules[0]?.annotations?.["message"];
  return typeof rule === "string" ? rule : undefined;
};

const formatter = Issues.makeFormatterStandardSchemaV1();

/** The schema's own words, such as "a value between 0 and 1" or "string". */
const expectation = (issue: SchemaIssue.Issue): string =>
  (formatter(issue).issues[0]?.message ?? "another value")
    .replace(/^Expected /u, "")
    .replace(/, got .*$/u, "");
