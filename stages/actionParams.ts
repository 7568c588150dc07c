/** Every param of an action, with the defaults that its key leaves out. */
import { Option, Schema } from "effect";
import type { Json } from "../schemas/Digest.ts";
import { stageParamsSchema } from "./experimentJsonSchema.ts";
import type { Stage } from "./Stage.ts";

export interface ActionParam {
  /** Its path, such as `loss.kind`. */
  readonly name: string;
  /** Absent where the param was left out and has no default. */
  readonly value?: Json;
  readonly isDefault: boolean;
}

/** `keyParams` are the params as the key has them; undefined where the stage no longer reads them. */
export const actionParams = (
  stage: Stage,
  keyParams: Json,
): ReadonlyArray<ActionParam> | undefined => {
  const decoded = Schema.decodeUnknownOption(stage.params)(keyParams);
  if (Option.isNone(decoded)) return undefined;
  const whole = Schema.encodeSync(stage.params)(decoded.value) as Readonly<Record<string, Json>>;
  const outsideKey = stage.outsideKey ?? [];
  const names = Object.keys((stageParamsSchema(stage)["properties"] ?? {}) as object);
  return names
    .flatMap((name): ReadonlyArray<ActionParam> => {
      const value = whole[name];
      return value === undefined
        ? [{ name, isDefault: true }]
        : leaves(name, value, member(keyParams, name));
    })
    .filter(({ name }) => !outsideKey.includes(name));
};

/** The params inside an object, each by itself; `given` is the same place in the key. */
const leaves = (name: string, value: Json, given: Json | undefined): ReadonlyArray<ActionParam> =>
  isObject(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([inner, each]) =>
        leaves(`${name}.${inner}`, each, member(given, inner)),
      )
    : [{ name, value, isDefault: given === undefined }];

const member = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
