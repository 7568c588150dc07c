/** The reference of a stage as text: inputs, output, and every param with its meaning, range and default. */
import type { Json } from "../../schemas/Digest.ts";
import { type JsonSchema, stageParamsSchema } from "../../stages/experimentJsonSchema.ts";
import type { Stage } from "../../stages/Stage.ts";
import { padEnd, type Style } from "../../kinds/terminal.ts";

const textCells = 78;

export const stageReference = (stage: Stage, style: Style): string => {
  const { name, version, summary, inputs, output } = stage;
  const params = properties(stageParamsSchema(stage));
  return [
    `${style.bold(name)} · version ${version}`,
    ...wrap(summary, "  "),
    "",
    style.bold("from"),
    ...inputLines(inputs, style),
    "",
    style.bold("with"),
    ...(params.length === 0
      ? ["  nothing"]
      : params.flatMap((param) => paramLines(param, "  ", style))),
    "",
    `${style.bold("makes")}  ${output}`,
    "",
    style.bold("example"),
    ...stage.example.split("\n").map((line) => `  ${line}`),
  ].join("\n");
};

const inputLines = (inputs: Stage["inputs"], style: Style): ReadonlyArray<string> => {
  if (inputs === "any") return ["  inputs of any name and kind"];
  const entries = Object.entries(inputs);
  if (entries.length === 0) return ["  nothing"];
  const widest = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, { kinds, many, optional, reader }]) => {
    const notes = [
      kinds.join(" or "),
      ...(many === true ? [`all points: write { all: STAGE }`] : []),
      ...(optional === true ? ["optional"] : []),
      ...(reader === undefined ? [] : [`read by ${reader.param}`]),
    ];
    return `  ${style.cyan(padEnd(name, widest))}  ${notes.join(", ")}`;
  });
};

interface Param {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

const properties = (schema: JsonSchema): ReadonlyArray<Param> => {
  const required = (schema["required"] ?? []) as ReadonlyArray<string>;
  return Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>).map(
    ([name, inner]) => ({ name, schema: inner, isRequired: required.includes(name) }),
  );
};

/** The param, its meaning below it, and below that the params inside it. */
const paramLines = (
  { name, schema, isRequired }: Param,
  indent: string,
  style: Style,
): ReadonlyArray<string> => {
  const { default: value, description } = schema;
  const fallback =
    value !== undefined ? `default ${valueText(value)}` : isRequired ? "required" : "optional";
  const type = typeText(schema);
  return [
    `${indent}${style.cyan(name)}  ${[...(type === "" ? [] : [type]), fallback].join(", ")}`,
    ...(typeof description === "string" ? wrap(description, `${indent}    `) : []),
    ...insideLines(schema, `${indent}  `, style),
  ];
};

/** The params inside an object, a list of objects or a choice of objects. */
const insideLines = (schema: JsonSchema, indent: string, style: Style): ReadonlyArray<string> => {
  const inside = properties(schema).flatMap((param) => paramLines(param, indent, style));
  const items = schema["items"];
  return [
    ...inside,
    ...(isObject(items) ? insideLines(items, indent, style) : []),
    ...choices(schema).flatMap((choice) => choiceLines(choice, indent, style)),
  ];
};

const choiceLines = (choice: JsonSchema, indent: string, style: Style): ReadonlyArray<string> => {
  const params = properties(choice);
  if (params.length === 0) return [];
  const { description } = choice;
  const tags = params.filter(({ schema }) => constant(schema) !== undefined);
  const head = tags.map(({ name, schema }) => `${name}: ${constant(schema)}`).join(", ");
  return [
    ...(head === "" ? [] : [`${indent}{ ${style.cyan(head)} }`]),
    ...(typeof description === "string" ? wrap(description, `${indent}    `) : []),
    ...params
      .filter((param) => !tags.includes(param))
      .flatMap((param) => paramLines(param, `${indent}    `, style)),
  ];
};

const isObject = (value: Json | undefined): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const choices = ({ anyOf }: JsonSchema): ReadonlyArray<JsonSchema> =>
  ((anyOf ?? []) as ReadonlyArray<Json>).filter(isObject);

/** The only value that is allowed: the tag of a choice. */
const constant = ({ enum: values }: JsonSchema): string | undefined =>
  Array.isArray(values) && values.length === 1 ? String(values[0]) : undefined;

/** Choices with a tag are listed below the param. */
const choiceText = (choice: JsonSchema): string => {
  const params = properties(choice);
  const isTagged = params.some((param) => constant(param.schema) !== undefined);
  return params.length === 0 || isTagged ? typeText(choice) : "object";
};

const typeText = (schema: JsonSchema): string => {
  const values = schema["enum"];
  if (Array.isArray(values)) return values.map(String).join(" | ");
  const parts = choices(schema)
    .map(choiceText)
    .filter((text) => text !== "");
  if (parts.length > 0) return [...new Set(parts)].join(" | ");
  switch (schema["type"]) {
    case "integer":
    case "number":
      return numberText(schema);
    case "array":
      return listText(schema);
    case "object":
      return properties(schema).length > 0 ? "" : "object";
    default:
      return typeof schema["type"] === "string" ? schema["type"] : "";
  }
};

/** `[integer, integer]` for a tuple. */
const listText = ({ items, prefixItems }: JsonSchema): string => {
  if (isObject(items)) return `list of ${typeText(items) || "objects"}`;
  return Array.isArray(prefixItems)
    ? `[${prefixItems.filter(isObject).map(typeText).join(", ")}]`
    : "list";
};

/** JSON Schema has the bounds of a number here and there; the largest exact integer is no bound anybody set. */
const numberText = (schema: JsonSchema): string => {
  const all = [schema, ...((schema["allOf"] ?? []) as ReadonlyArray<JsonSchema>)];
  const bound = (name: string) =>
    all
      .map((each) => each[name])
      .find((value) => typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER);
  const [least, most, above, below] = [
    bound("minimum"),
    bound("maximum"),
    bound("exclusiveMinimum"),
    bound("exclusiveMaximum"),
  ];
  const range = [
    ...(least === undefined ? [] : [`from ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`to ${most}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  return [String(schema["type"]), ...range].join(" ");
};

const valueText = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (!isObject(value)) return value === "" ? '""' : String(value);
  const parts = Object.entries(value).map(([name, inner]) => `${name}: ${valueText(inner)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
};

const wrap = (text: string, indent: string): ReadonlyArray<string> => {
  const lines: Array<string> = [];
  let line = indent;
  for (const word of text.split(/\s+/u)) {
    const longer = line === indent ? `${indent}${word}` : `${line} ${word}`;
    if (longer.length <= textCells || line === indent) line = longer;
    else {
      lines.push(line);
      line = `${indent}${word}`;
    }
  }
  return [...lines, line];
};
