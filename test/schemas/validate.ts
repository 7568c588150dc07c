/**
 * A JSON Schema (2020-12) validator for the keywords that our schema uses, and only those: an unknown one is an error, so
 * that no rule goes by unchecked.
 */
type Json = unknown;
type Schema = { readonly [keyword: string]: Json };
type Check = (rule: Json, value: Json, schema: Schema) => boolean;

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const typeOf = (value: Json): ReadonlyArray<string> => {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  if (Number.isInteger(value)) return ["integer", "number"];
  return [typeof value];
};

const schemas = (rule: Json) => rule as ReadonlyArray<Schema>;
const same = (one: Json, other: Json) => JSON.stringify(one) === JSON.stringify(other);
const number =
  (holds: (value: number, bound: number) => boolean): Check =>
  (rule, value) =>
    typeof value !== "number" || holds(value, rule as number);
const list =
  (holds: (value: ReadonlyArray<Json>, rule: Json, schema: Schema) => boolean): Check =>
  (rule, value, schema) =>
    !Array.isArray(value) || holds(value as ReadonlyArray<Json>, rule, schema);
const record =
  (
    holds: (value: { readonly [key: string]: Json }, rule: Json, schema: Schema) => boolean,
  ): Check =>
  (rule, value, schema) =>
    !isObject(value) || holds(value, rule, schema);
const annotation: Check = () => true;

const listed = (schema: Schema, key: string): boolean =>
  Object.hasOwn((schema["properties"] ?? {}) as object, key) ||
  Object.keys((schema["patternProperties"] ?? {}) as object).some((pattern) =>
    new RegExp(pattern, "u").test(key),
  );

const checks: Readonly<Record<string, Check>> = {
  $schema: annotation,
  title: annotation,
  description: annotation,
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema, read with `if`
  then: annotation,
  type: (rule, value) => [rule].flat().some((type) => typeOf(value).includes(type as string)),
  const: (rule, value) => same(rule, value),
  enum: (rule, value) => (rule as ReadonlyArray<Json>).some((each) => same(each, value)),
  not: (rule, value) => !accepts(rule as Schema, value),
  anyOf: (rule, value) => schemas(rule).some((each) => accepts(each, value)),
  allOf: (rule, value) => schemas(rule).every((each) => accepts(each, value)),
  if: (rule, value, schema) =>
    !accepts(rule as Schema, value) || accepts((schema["then"] ?? {}) as Schema, value),
  minProperties: record((value, rule) => Object.keys(value).length >= (rule as number)),
  minimum: number((value, bound) => value >= bound),
  maximum: number((value, bound) => value <= bound),
  exclusiveMinimum: number((value, bound) => value > bound),
  minLength: (rule, value) => typeof value !== "string" || [...value].length >= (rule as number),
  pattern: (rule, value) =>
    typeof value !== "string" || new RegExp(rule as string, "u").test(value),
  minItems: list((value, rule) => value.length >= (rule as number)),
  maxItems: list((value, rule) => value.length <= (rule as number)),
  uniqueItems: list(
    (value) => new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  ),
  prefixItems: list((value, rule) =>
    value.every((item, index) => accepts(schemas(rule)[index] ?? {}, item)),
  ),
  items: list((value, rule, schema) =>
    value
      .slice(schemas(schema["prefixItems"] ?? []).length)
      .every((item) => accepts(rule as Schema, item)),
  ),
  required: record((value, rule) =>
    (rule as ReadonlyArray<string>).every((key) => Object.hasOwn(value, key)),
  ),
  properties: record((value, rule) =>
    Object.entries(rule as Record<string, Schema>).every(
      ([key, each]) => !Object.hasOwn(value, key) || accepts(each, value[key]),
    ),
  ),
  patternProperties: record((value, rule) =>
    Object.entries(rule as Record<string, Schema>).every(([pattern, each]) =>
      Object.entries(value).every(
        ([key, inner]) => !new RegExp(pattern, "u").test(key) || accepts(each, inner),
      ),
    ),
  ),
  additionalProperties: record((value, rule, schema) =>
    Object.entries(value).every(
      ([key, inner]) => listed(schema, key) || (rule !== false && accepts(rule as Schema, inner)),
    ),
  ),
};

export const accepts = (schema: Schema, value: Json): boolean =>
  Object.entries(schema).every(([keyword, rule]) => {
    const check = checks[keyword];
    if (check === undefined) throw new Error(`a keyword this validator does not know: ${keyword}`);
    return check(rule, value, schema);
  });
