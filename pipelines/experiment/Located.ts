/** YAML values with their places. */
import type { Json } from "../../schemas/Digest.ts";
import type { Place } from "./Source.ts";

export interface Entry {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: Located;
}

/** A value with its place. `weight` counts the values in it, those behind aliases included. */
export type Located =
  | {
      readonly kind: "scalar";
      readonly value: string | number | boolean | null;
      readonly at: Place;
      readonly weight: 1;
      /** The axis values whose labels `${axis}` has put into the text. */
      readonly mentions?: ReadonlyArray<{ readonly label: string; readonly value: Located }>;
    }
  | {
      readonly kind: "list";
      readonly items: ReadonlyArray<Located>;
      readonly at: Place;
      readonly weight: number;
    }
  | {
      readonly kind: "map";
      readonly entries: ReadonlyArray<Entry>;
      readonly at: Place;
      readonly weight: number;
    };

/** The value without places. */
export const toJson = (located: Located): Json => {
  switch (located.kind) {
    case "scalar":
      return located.value;
    case "list":
      return located.items.map(toJson);
    case "map":
      // fromEntries defines own properties, so that a key named __proto__ stays a key
      return Object.fromEntries(located.entries.map((entry) => [entry.key, toJson(entry.value)]));
  }
};

const keyIndexes = new WeakMap<Located, ReadonlyMap<string, Entry>>();

/** The entry of a key. Indexed, so that looking up every stage of a large experiment stays linear. */
export const entryOf = (located: Located | undefined, key: string): Entry | undefined => {
  if (located?.kind !== "map") return undefined;
  let index = keyIndexes.get(located);
  if (index === undefined) {
    index = new Map(located.entries.map((entry) => [entry.key, entry]));
    keyIndexes.set(located, index);
  }
  return index.get(key);
};

/** The value at a path; undefined where the path ends early. */
export const valueAt = (located: Located, path: ReadonlyArray<PropertyKey>): Located | undefined =>
  path.reduce<Located | undefined>(
    (here, step) =>
      here?.kind === "list" && typeof step === "number"
        ? here.items[step]
        : entryOf(here, String(step))?.value,
    located,
  );

/** The place at a path, or of the deepest value on it. With `onKey` the place of the last key instead of its value. */
export const placeAt = (
  located: Located,
  path: ReadonlyArray<PropertyKey>,
  options?: { readonly onKey?: boolean },
): Place => {
  let here = located;
  let at = located.at;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (here.kind === "list" && typeof step === "number" && here.items[step] !== undefined) {
      here = here.items[step];
      at = here.at;
      continue;
    }
    const entry = entryOf(here, String(step));
    if (entry === undefined) break;
    here = entry.value;
    at = last && options?.onKey === true ? entry.keyAt : here.at;
  }
  return at;
};

/** The place of the first scalar that equals a text. */
export const placeOfText = (text: string, located: Located): Place | undefined => {
  switch (located.kind) {
    case "scalar":
      return located.value === text ? located.at : undefined;
    case "list":
      return firstOf(located.items, (item) => placeOfText(text, item));
    case "map":
      return firstOf(located.entries, (entry) => placeOfText(text, entry.value));
  }
};

const firstOf = <A, B>(
  items: ReadonlyArray<A>,
  find: (item: A) => B | undefined,
): B | undefined => {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
};
