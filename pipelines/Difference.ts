/** What differs between what a node's key says now and what it said for an earlier action. Pure. */
import { canonicalJson, type Digest, type Json } from "../schemas/Digest.ts";
import type { InputIdentity } from "../schemas/KeyParts.ts";
import type { Labels } from "./Compile.ts";
import { isObject, type JsonObject } from "./jsonObject.ts";
import type { KeyFields } from "./Keys.ts";

/** The identity of an input that is yet to be made: it can't be said to differ. */
export const notYetKnown: Digest = "";

export type ParamPath = ReadonlyArray<string | number>;

/** Absent where the key leaves it out: it is at its default, or there is no such thing. */
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
  /** The same input, or the same element of a fan-in, is another artifact. */
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
  /** A fan-in hands over the same elements in another order. */
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

/** As deep as both sides have the same shape; lists of different length differ as a whole. */
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

/** Which files there are follows from the params, so it is said only where those are equal. */
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
    return old === now || now === notYetKnown ? [] : [{ _tag: "Input", input, old, new: now }];
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
      return identity === notYetKnown || known.identity === identity
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

/** A point in one text; which axis comes first does not tell points apart. */
export const labelKey = (labels: Labels): string => {
  const entries = Object.entries(labels);
  return JSON.stringify(entries.length < 2 ? entries : entries.toSorted());
};
