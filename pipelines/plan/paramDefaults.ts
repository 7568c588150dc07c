/** Defaults of the params that a key leaves out. */
import { Option, Schema } from "effect";
import type { Json } from "../../schemas/Digest.ts";
import type { Stage } from "../../stages/Stage.ts";
import type { Node } from "../experiment/Node.ts";
import type { Difference } from "./Difference.ts";
import { isObject } from "../experiment/jsonObject.ts";

export interface ParamValue {
  /** Absent where there is no such param. */
  readonly value?: Json;
  /** The value is the stage's default. */
  readonly isDefault?: true;
}

/** A difference whose omitted params have their default values. */
export type FilledDifference =
  | {
      readonly _tag: "Param";
      readonly path: ReadonlyArray<string | number>;
      readonly old: ParamValue;
      readonly new: ParamValue;
    }
  | Exclude<Difference, { readonly _tag: "Param" }>;

/** Fills in defaults; `node` is any node of the stage, undefined where none is known. */
export const defaultFiller = () => {
  const valueOf = defaultAt();
  return (node: Node | undefined, difference: Difference): FilledDifference => {
    if (difference._tag !== "Param") return difference;
    const side = (value: Json | undefined): ParamValue => {
      if (value !== undefined) return { value };
      return node === undefined ? {} : valueOf(node, difference.path);
    };
    return { ...difference, old: side(difference.old), new: side(difference.new) };
  };
};

/** Memoized by stage and path, since all points share a default. */
const defaultAt = () => {
  const known = new Map<string, ParamValue>();
  return ({ stage, params }: Node, path: ReadonlyArray<string | number>): ParamValue => {
    const key = JSON.stringify([stage.name, path]);
    const before = known.get(key);
    if (before !== undefined) return before;
    // From the decoded params: the key may lack params that the decoder requires.
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
