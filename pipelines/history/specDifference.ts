/** Differences between two experiments, value by value, with the places on both sides. Pure. */
import { canonicalJson } from "../../schemas/Digest.ts";
import { entryOf, type Located, toJson } from "../experiment/Located.ts";

export interface SpecDifference {
  readonly path: ReadonlyArray<string | number>;
  /** Absent where that side has no such value. */
  readonly old?: Located;
  readonly new?: Located;
}

export const specDifferences = (old: Located, now: Located): ReadonlyArray<SpecDifference> =>
  between([], old, now);

const between = (
  path: SpecDifference["path"],
  old: Located | undefined,
  now: Located | undefined,
): ReadonlyArray<SpecDifference> => {
  if (old === undefined || now === undefined)
    return old === now ? [] : [{ path, ...(old && { old }), ...(now && { new: now }) }];
  if (old.kind === "map" && now.kind === "map") {
    const names = new Set([...old.entries, ...now.entries].map(({ key }) => key));
    return [...names].flatMap((name) =>
      between([...path, name], entryOf(old, name)?.value, entryOf(now, name)?.value),
    );
  }
  if (old.kind === "list" && now.kind === "list") {
    if (old.items.length === now.items.length)
      return now.items.flatMap((item, index) => between([...path, index], old.items[index], item));
    return betweenLists(path, old.items, now.items);
  }
  return textOf(old) === textOf(now) ? [] : [{ path, old, new: now }];
};

/** Lists of different length, such as the values of an axis, are compared as sets. */
const betweenLists = (
  path: SpecDifference["path"],
  old: ReadonlyArray<Located>,
  now: ReadonlyArray<Located>,
): ReadonlyArray<SpecDifference> => {
  const [before, after] = [old, now].map((items) => new Set(items.map(textOf)));
  return [
    ...old.flatMap((item, index) =>
      after?.has(textOf(item)) === true ? [] : [{ path: [...path, index], old: item }],
    ),
    ...now.flatMap((item, index) =>
      before?.has(textOf(item)) === true ? [] : [{ path: [...path, index], new: item }],
    ),
  ];
};

const textOf = (located: Located): string => canonicalJson(toJson(located));
