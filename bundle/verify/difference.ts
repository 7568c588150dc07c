/** The differences between two JSON values, each with a path that a person can follow. */
import { labelsText } from "../../schemas/labels.ts";

export interface Difference {
  readonly path: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/** Stands for a value that one side lacks. */
const absent = "(absent)";

export const differencesOf = (
  expected: unknown,
  found: unknown,
  path = "",
): ReadonlyArray<Difference> => {
  if (Array.isArray(expected) && Array.isArray(found)) {
    const length = Math.max(expected.length, found.length);
    return Array.from({ length }, (_, index) => {
      const inner = `${path}[${nameOf(expected[index] ?? found[index], index)}]`;
      return index < expected.length && index < found.length
        ? differencesOf(expected[index], found[index], inner)
        : [
            {
              path: inner,
              expected: index < expected.length ? expected[index] : absent,
              found: index < found.length ? found[index] : absent,
            },
          ];
    }).flat();
  }
  if (isRecord(expected) && isRecord(found)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
    return keys.flatMap((key) => {
      const inner = path === "" ? key : `${path}.${key}`;
      const [here, there] = [expected, found].map((side) =>
        Object.hasOwn(side, key) ? side[key] : absent,
      );
      return differencesOf(here, there, inner);
    });
  }
  return Object.is(expected, found) ? [] : [{ path, expected, found }];
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An item by its labels or id, else by its index. */
const nameOf = (item: unknown, index: number): string => {
  if (!isRecord(item)) return String(index);
  const { labels, id, mode, reward, target } = item;
  if (isRecord(labels) && Object.keys(labels).length > 0) return labelsText(labels);
  const parts = [id, mode, reward, target].filter((part) => typeof part === "string");
  return parts.length > 0 ? parts.join(" ") : String(index);
};

export interface LineDifference {
  /** From 1. */
  readonly line: number;
  readonly expected: unknown;
  readonly found: unknown;
}

export const linesApart = (
  expected: ReadonlyArray<string>,
  found: ReadonlyArray<string>,
): ReadonlyArray<LineDifference> =>
  Array.from({ length: Math.max(expected.length, found.length) }, (_, index) => ({
    line: index + 1,
    expected: expected[index] ?? absent,
    found: found[index] ?? absent,
  })).filter((sides) => sides.expected !== sides.found);
