/** Differences between the key fields of a node and those of an earlier action. Pure. */
import { canonicalJson, type Digest, type Json } from "../../schemas/Digest.ts";
import type { InputIdentity } from "../../schemas/KeyParts.ts";
import { labelKey, type Labels } from "../experiment/Node.ts";
import { isObject, type JsonObject } from "../experiment/jsonObject.ts";
import type { KeyFields } from "./Keys.ts";

/** The identity of an input that must be made first: it counts as equal. */
export const unknownIdentity: Digest = "";

export type ParamPath = ReadonlyArray<string | number>;

/** A side is absent where the key leaves the value out, because it is the default or does not exist. */
interface Sides<A> {
  readonly old?: A;
  readonly new?: A;
}

export type Difference =
  | ({ readonly _tag: "Param"; readonly path: ParamPath } & Sides<Json>)
  | { readonly _tag: "Version"; readonly old: number; readonly new: number }
  | ({ readonly _tag: "Code" } & Sides<Digest>)
  | ({ readonly _tag: "Source"; readonly path: string } & Sides<Digest>)
  | ({ readonly _tag: "Environment" } & Sides<string>)
  /** An input, or one element of a fan-in, is another artifact. */
  | {
      readonly _tag: "Input";
      readonly input: string;
      readonly labels?: Labels;
      readonly old: Digest;
      readonly new: Digest;
    }
  | { readonly _tag: "InputAdded" | "InputRemoved"; readonly input: string }
  | {
      readonly _tag: "ElementAdded" | "ElementRemoved";
      readonly input: string;
      readonly labels: Labels;
    }
  /** A fan-in has the same elements in another order. */
  | { readonly _tag: "Order"; readonly input: string };

export const differences = (old: KeyFields, now: KeyFields): ReadonlyArray<Difference> => {
  const params = paramDifferences([], old.params, now.params);
  return [
    ...params,
    ...(old.version === now.version
      ? []
      : [{ _tag: "Version", old: old.version, new: now.version } as const]),
    ...(old.code === now.code ? [] : [{ _tag: "Code", ...sides(old.code, now.code) } as const]),
    ...sourceDifferences(old, now, params.length === 0),
    ...(old.environment === now.environment
      ? []
      : [{ _tag: "Environment", ...sides(old.environment, now.environment) } as const]),
    ...inputDifferences(old.inputs, now.inputs),
  ];
};

const sides = <A>(old: A | undefined, now: A | undefined): Sides<A> => ({
  ...(old === undefined ? {} : { old }),
  ...(now === undefined ? {} : { new: now }),
});

/** Descends while both sides have the same shape. Lists of different length differ as a whole. */
const paramDifferences = (
  path: ParamPath,
  old: Json | undefined,
  now: Json | undefined,
): ReadonlyArray<Extract<Difference, { readonly _tag: "Param" }>> => {
  if (old === now) return [];
  if (isObject(old) && isObject(now)) {
    const names = new Set([...Object.keys(now), ...Object.keys(old)]);
    return [...names].flatMap((name) =>
      paramDifferences([...path, name], own(old, name), own(now, name)),
    );
  }
  if (Array.isArray(old) && Array.isArray(now) && old.length === now.length)
    return now.flatMap((item, index) => paramDifferences([...path, index], old[index], item));
  if (old !== undefined && now !== undefined && canonicalJson(old) === canonicalJson(now))
    return [];
  return [{ _tag: "Param", path, ...sides(old, now) }];
};

const own = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/** Params decide which files are sources, so an added or removed source counts only where params are equal. */
const sourceDifferences = (
  { sources: old = {} }: KeyFields,
  { sources: now = {} }: KeyFields,
  paramsAreEqual: boolean,
): ReadonlyArray<Difference> =>
  [...new Set([...Object.keys(now), ...Object.keys(old)])].flatMap((path) => {
    const isOnBothSides = Object.hasOwn(old, path) && Object.hasOwn(now, path);
    return old[path] === now[path] || !(isOnBothSides || paramsAreEqual)
      ? []
      : [{ _tag: "Source", path, ...sides(old[path], now[path]) } as const];
  });

const inputDifferences = (
  old: KeyFields["inputs"],
  now: KeyFields["inputs"],
): ReadonlyArray<Difference> => [
  ...Object.entries(now).flatMap(([input, identity]) => {
    const before = old[input];
    return before === undefined
      ? [{ _tag: "InputAdded", input } as const]
      : oneInputDifferences(input, before, identity);
  }),
  ...Object.keys(old).flatMap((input) =>
    now[input] === undefined ? [{ _tag: "InputRemoved", input } as const] : [],
  ),
];

const oneInputDifferences = (
  input: string,
  old: InputIdentity,
  now: InputIdentity,
): ReadonlyArray<Difference> => {
  if (typeof old === "string" && typeof now === "string")
    return old === now || now === unknownIdentity ? [] : [{ _tag: "Input", input, old, new: now }];
  if (typeof old === "string" || typeof now === "string")
    return [
      { _tag: "InputRemoved", input },
      { _tag: "InputAdded", input },
    ];
  return elementDifferences(input, old, now);
};

type Elements = Exclude<InputIdentity, Digest>;

const elementDifferences = (
  input: string,
  old: Elements,
  now: Elements,
): ReadonlyArray<Difference> => {
  const before = new Map(old.map((element) => [labelKey(element.labels), element]));
  const after = new Set(now.map(({ labels }) => labelKey(labels)));
  const found = [
    ...now.flatMap(({ labels, identity }): ReadonlyArray<Difference> => {
      const known = before.get(labelKey(labels));
      if (known === undefined) return [{ _tag: "ElementAdded", input, labels }];
      return identity === unknownIdentity || known.identity === identity
        ? []
        : [{ _tag: "Input", input, labels, old: known.identity, new: identity }];
    }),
    ...old.flatMap(({ labels }): ReadonlyArray<Difference> =>
      after.has(labelKey(labels)) ? [] : [{ _tag: "ElementRemoved", input, labels }],
    ),
  ];
  const isReordered = now.some(
    ({ labels }, index) => labelKey(labels) !== labelKey(old[index]?.labels ?? {}),
  );
  return found.length === 0 && isReordered ? [{ _tag: "Order", input }] : found;
};
