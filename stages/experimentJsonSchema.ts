/** The JSON Schema of experiments, for editors: the file's shape, and under `with` the params of the stage in `use`. */
import { Schema } from "effect";
import type { Json } from "../schemas/Digest.ts";
import { Experiment, StageSpec } from "../schemas/Experiment.ts";
import type { Stage } from "./Stage.ts";
import { stages } from "./stages.ts";

export type JsonSchema = Readonly<Record<string, Json>>;

const jsonSchemaOf = (schema: Schema.Top): JsonSchema => {
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" });
  const definitions = document.definitions as JsonSchema;
  const body = document.schema as JsonSchema;
  return Object.keys(definitions).length === 0 ? body : { ...body, $defs: definitions };
};

export const experimentJsonSchema = (): JsonSchema => {
  const { properties, ...experiment } = jsonSchemaOf(Experiment) as {
    readonly properties: JsonSchema;
  };
  const stage = {
    ...jsonSchemaOf(StageSpec),
    allOf: [...stages.values()].map((each) => ({
      if: { properties: { use: { const: each.name } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: {
        description: each.summary,
        required: requiredParts(each),
        properties: {
          use: { description: each.summary },
          ...fromSchema(each),
          with: paramsSchema(each),
        },
      },
    })),
  };
  const use = { type: "string", enum: [...stages.keys()] };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...experiment,
    properties: {
      ...properties,
      stages: named(properties["stages"], {
        ...stage,
        properties: { ...(stage as unknown as { properties: JsonSchema }).properties, use },
      } as JsonSchema),
    },
  } as JsonSchema;
};

/** A record with the keys that `record` allows, and other values. */
const named = (record: Json | undefined, value: JsonSchema): JsonSchema => {
  const { patternProperties, ...rest } = record as { readonly patternProperties: JsonSchema };
  const patterns = Object.keys(patternProperties).map((pattern) => [pattern, value]);
  return { ...rest, patternProperties: Object.fromEntries(patterns) };
};

/** The required parts: inputs, and params without a default. */
const requiredParts = ({ inputs, params }: Stage): ReadonlyArray<string> => [
  ...(inputs !== "any" && Object.keys(inputs).length > 0 ? ["from"] : []),
  ...("required" in jsonSchemaOf(params) ? ["with"] : []),
];

const fromSchema = ({ inputs }: Stage): { readonly from?: Json } => {
  if (inputs === "any") return {};
  const names = Object.entries(inputs);
  const properties = Object.fromEntries(
    names.map(([name, { kinds, many, optional }]) => [
      name,
      {
        description: `${kinds.join(" or ")}${many === true ? ", a fan-in" : ""}${optional === true ? "; may be left out" : ""}`,
      },
    ]),
  );
  return {
    from: {
      type: "object",
      properties,
      required: names.filter(([, { optional }]) => optional !== true).map(([name]) => name),
      additionalProperties: false,
    },
  };
};

const paramsSchema = (stage: Stage): Json => orAxisInside(stageParamsSchema(stage));

/** The params of one stage, with descriptions, ranges and defaults. */
export const stageParamsSchema = (stage: Stage): JsonSchema => jsonSchemaOf(stage.params);

const axisReference = { type: "string", pattern: "^\\$[A-Za-z]" };

/** `$axis` is allowed in place of every value. */
const orAxisInside = (schema: Json): Json => {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  const { properties, items, prefixItems, anyOf, ...rest } = schema as JsonSchema;
  return {
    ...rest,
    // A list of one or more is its first item and others of the same kind: `minItems` says as much.
    ...(prefixItems === undefined || items !== undefined
      ? {}
      : { prefixItems: (prefixItems as ReadonlyArray<Json>).map(orAxis) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties as JsonSchema).map(([name, inner]) => [name, orAxis(inner)]),
          ),
        }),
    ...(items === undefined ? {} : { items: orAxis(items) }),
    ...(anyOf === undefined ? {} : { anyOf: (anyOf as ReadonlyArray<Json>).map(orAxisInside) }),
  };
};

/** The value's own description and default stay on the outside, where editors show them. */
const orAxis = (schema: Json): Json => {
  const { description, default: value, ...rest } = orAxisInside(schema) as JsonSchema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(value === undefined ? {} : { default: value }),
    anyOf: [rest, axisReference],
  };
};
