/** What a param that a key leaves out stands for. */
import { Option, Schema } from "effect";
import type { Json } from "../schemas/Digest.ts";
import type { Stage } from "../stages/Stage.ts";
import type { Node } from "./Compile.ts";
import type { Difference } from "./Difference.ts";
import { isObject } from "./jsonObject.ts";

export interface ParamValue {
  /** Absent where there is no such param. */
  readonly value?: Json;
  /** Nobody asked for it: it is what the stage does by itself. */
  readonly isDefault?: true;
}

/** A difference in which a param that one side leaves out has the value that this stands for. */
export type SettledDifference =
  | {
      readonly _tag: "Param";
      readonly path: ReadonlyArray<string | number>;
      readonly old: ParamValue;
      readonly new: ParamValue;
    }
  | Exclude<Difference, { readonly _tag: "Param" }>;

/** Fills in defaults; `node` is one that has the stage, and is absent where nobody knows it. */
export const settler = () => {
  const valueOf = defaultAt();
  return (node: Node | undefined, difference: Difference): SettledDifference => {
    if (difference._tag !== "Param") return difference;
    const side = (value: Json | undefined): ParamValue => {
      if (value !== undefined) return { value };
      return node === undefined ? {} : valueOf(node, difference.path);
    };
    return { ...difference, old: side(difference.old), new: side(difference.new) };
  };
};

/** Asked once per stage and path, since a default is one for all points. */
const defaultAt = () => {
  const known = new Map<string, ParamValue>();
  return ({ stage, params }: Node, path: ReadonlyArray<string | number>): ParamValue => {
    const key = JSON.stringify([stage.name, path]);
    const before = known.get(key);
    if (before !== undefined) return before;
    // Not from the key, which lacks params that a decoder may insist on.
    const whole = Schema.encodeSync(stage.params)(params.decoded) as Json;
    const found = valueAt(decoded(stage, without(whole, path)), path);
    const settled: ParamValue = found === undefined ? {} : { value: found, isDefault: true };
    known.set(key, settled);
    return settled;
  };
};

const decoded = (stage: Stage, raw: Json): Json | undefined => {
  const option = Schema.decodeUnknownOption(stage.params)(raw);
  return Option.isNone(option)
    ? undefined
    : (Schema.encodeSync(stage.params)(option.value) as Json);
};

const without = (value: Json, [first, ...rest]: ReadonlyArray<string | number>): Json => {
  if (!isObject(value) || first === undefined) return value;
  const name = String(first);
  const { [name]: inner, ...others } = value;
  return rest.length === 0 || inner === undefined
    ? others
    : { ...others, [name]: without(inner, rest) };
};

const valueAt = (value: Json | undefined, path: ReadonlyArray<string | number>): Json | undefined =>
  path.reduce<Json | undefined>((here, step) => {
    if (Array.isArray(here)) return (here as ReadonlyArray<Json>)[Number(step)];
    return isObject(here) && Object.hasOwn(here, String(step)) ? here[String(step)] : undefined;
  }, value);
