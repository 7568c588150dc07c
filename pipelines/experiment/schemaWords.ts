/** A schema's demands on a value, in words for people. */
import { SchemaAST, type SchemaIssue, SchemaIssue as Issues } from "effect";

/** The members of a union, as a person chooses among them. */
export interface Choices {
  readonly names: ReadonlyArray<string>;
  /** Its objects, told apart by the value of one key, such as `kind`. */
  readonly tagged: Tagged | undefined;
  /** All of them in words. */
  readonly words: string;
}

export interface Tagged {
  readonly key: string;
  readonly values: ReadonlyArray<string>;
}

export const choicesOf = (union: SchemaAST.Union): Choices => {
  const members = membersOf(union);
  const names = members.flatMap((member) =>
    SchemaAST.isLiteral(member) ? [String(member.literal)] : [],
  );
  const objects = members.filter(SchemaAST.isObjects);
  const tagged = tagOf(objects);
  const plain = members.filter(
    (member) =>
      !SchemaAST.isLiteral(member) && !(tagged !== undefined && SchemaAST.isObjects(member)),
  );
  const parts = [
    ...new Set(plain.map(wordsOf)),
    ...names,
    ...(tagged === undefined ? [] : [taggedWords(tagged)]),
  ];
  const words = names.length === parts.length ? oneOf(names) : listed(parts, "or");
  return { names, tagged, words };
};

export const taggedWords = ({ key, values }: Tagged): string =>
  `an object with ${key}: ${oneOf(values)}`;

const oneOf = (names: ReadonlyArray<string>): string =>
  names.length === 1 ? String(names[0]) : `one of ${names.join(", ")}`;

/** `a, b or c` */
const listed = (parts: ReadonlyArray<string>, last: "and" | "or"): string =>
  parts.length < 2
    ? parts.join()
    : `${parts.slice(0, -1).join(", ")} ${last} ${parts.at(-1) ?? ""}`;

/** Members of unions inside it are its own. */
const membersOf = (union: SchemaAST.Union): ReadonlyArray<SchemaAST.AST> =>
  union.types
    .map(SchemaAST.toEncoded)
    .flatMap((member) => (SchemaAST.isUnion(member) ? membersOf(member) : [member]));

/** The first key that has a single value in each object. */
const tagOf = (objects: ReadonlyArray<SchemaAST.Objects>): Tagged | undefined => {
  const keys = objects[0] === undefined ? [] : propertyNames(objects[0]);
  for (const key of keys) {
    const values = objects.flatMap((object) => singleValue(object, key));
    if (values.length === objects.length) return { key, values };
  }
  return undefined;
};

const singleValue = (object: SchemaAST.Objects, key: string): ReadonlyArray<string> => {
  const type = object.propertySignatures.find(({ name }) => name === key)?.type;
  return type !== undefined && SchemaAST.isLiteral(type) ? [String(type.literal)] : [];
};

export const propertyNames = (ast: SchemaAST.Objects): ReadonlyArray<string> =>
  ast.propertySignatures.map((property) => String(property.name));

/** The number of items that a list must have: exactly, or at least where others may follow. */
export const itemsWords = ({ elements, rest }: SchemaAST.Arrays): string =>
  `${rest.length === 0 ? "" : "at least "}${elements.length} ${elements.length === 1 ? "item" : "items"}`;

/** A record's rule for its keys, by the message of its check; undefined for an object with listed keys. */
export const keyRule = (ast: SchemaAST.AST): string | undefined => {
  if (!SchemaAST.isObjects(ast)) return undefined;
  return ast.indexSignatures.flatMap(({ parameter }) => ownRule(parameter) ?? [])[0];
};

/** The message of a type's first check, such as "a time such as `30 minutes`" of a string. */
const ownRule = ({ checks }: SchemaAST.AST): string | undefined => {
  const rule = checks?.[0]?.annotations?.["message"];
  return typeof rule === "string" ? rule : undefined;
};

const wordsOf = (ast: SchemaAST.AST): string => {
  switch (ast._tag) {
    case "String":
      return "a string";
    case "Number":
      return "a number";
    case "Boolean":
      return "a boolean";
    case "Null":
      return "null";
    case "Arrays":
      return ast.rest.length === 0 ? `a list of ${itemsWords(ast)}` : "a list";
    case "Objects": {
      const names = propertyNames(ast);
      return names.length === 0 ? "an object" : `an object with ${listed(names, "and")}`;
    }
    default:
      return "another value";
  }
};

/** Plain words for checks that the schema library words for every type at once. */
const plainWords: Readonly<Record<string, string>> = {
  "a value with a length of at least 1": "a string that is not empty",
  "an array with unique items": "each item once",
};

const formatter = Issues.makeFormatterStandardSchemaV1();

/** The schema's own words, such as "a value between 0 and 1", or those for its type. */
export const expectation = (issue: SchemaIssue.Issue): string => {
  if (issue._tag === "AnyOf") return choicesOf(issue.ast).words;
  const own = (formatter(issue).issues[0]?.message ?? "another value")
    .replace(/^Expected /u, "")
    .replace(/, got .*$/u, "");
  const type =
    issue._tag === "InvalidType"
      ? (ownRule(issue.ast) ?? wordsOf(SchemaAST.toEncoded(issue.ast)))
      : "";
  return type === "" || type === "another value" ? (plainWords[own] ?? own) : type;
};
