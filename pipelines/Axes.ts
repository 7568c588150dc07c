/**
 * Axes as named dimensions. A stage depends on an axis only if its params mention it or an input depends on it; a point
 * of a stage is one value for each of its axes, counted in the order in which the experiment declares them.
 */
import type { Diagnostic } from "../schemas/Diagnostic.ts";
import { unknownName } from "../schemas/Diagnostic.ts";
import { entryOf, type Located, type Place, spanOf } from "./Source.ts";

export interface AxisValue {
  readonly label: string;
  /** The value itself: a scalar, or the object without its label. */
  readonly value: Located;
}

export interface Axis {
  readonly name: string;
  readonly values: ReadonlyArray<AxisValue>;
  readonly at: Place;
}

/** An index into the values of each axis, in the order of the axes it belongs to. */
export type Point = ReadonlyArray<number>;

/** The axes of a checked experiment; labels must tell the values of an axis apart. */
export const readAxes = (
  located: Located | undefined,
): { readonly axes: ReadonlyArray<Axis>; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const diagnostics: Array<Diagnostic> = [];
  if (located?.kind !== "map") return { axes: [], diagnostics };
  const axes = located.entries.map(({ key, keyAt, value }) => {
    const values = value.kind === "list" ? value.items.map(axisValue) : [];
    for (const item of values) diagnostics.push(...mentionedAxes(item.value, []).diagnostics);
    const seen = new Set<string>();
    for (const item of values) {
      if (seen.has(item.label)) {
        diagnostics.push({
          message: `the axis \`${key}\` has two values labelled \`${item.label}\``,
          at: spanOf(item.value.at),
          expected: "a label of its own for each value",
        });
      }
      seen.add(item.label);
    }
    return { name: key, values, at: keyAt };
  });
  return { axes, diagnostics };
};

const axisValue = (item: Located): AxisValue => {
  if (item.kind !== "map")
    return { label: item.kind === "scalar" ? String(item.value) : "", value: item };
  const label = entryOf(item, "label")?.value;
  return {
    label: label?.kind === "scalar" ? String(label.value) : "",
    value: { ...item, entries: item.entries.filter((entry) => entry.key !== "label") },
  };
};

/** Every point of the given axes, the last axis running fastest; no axes have exactly one point. */
export const pointsOf = (axes: ReadonlyArray<Axis>): ReadonlyArray<Point> =>
  axes.reduce<ReadonlyArray<Point>>(
    (points, axis) => points.flatMap((point) => axis.values.map((_, index) => [...point, index])),
    [[]],
  );

/** Where a point stands in `pointsOf(axes)`. */
export const indexOfPoint = (axes: ReadonlyArray<Axis>, point: Point): number =>
  axes.reduce((index, axis, position) => index * axis.values.length + (point[position] ?? 0), 0);

/** The part of a point that lies on `onto`, axes that `from` has too. */
export const project = (
  from: ReadonlyArray<Axis>,
  point: Point,
  onto: ReadonlyArray<Axis>,
): Point => onto.map((axis) => point[from.indexOf(axis)] ?? 0);

export const labelsOf = (
  axes: ReadonlyArray<Axis>,
  point: Point,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    axes.map((axis, position) => [axis.name, axis.values[point[position] ?? 0]?.label ?? ""]),
  );

const wholeValue = /^\$([A-Za-z][A-Za-z0-9_-]*)$/u;
const inString = /(\$\$)(?=[A-Za-z{])|\$\{([^}]*)\}/gu;

/** The names of the axes that a value mentions, unknown ones reported. */
export const mentionedAxes = (
  located: Located,
  axes: ReadonlyArray<Axis>,
): { readonly mentioned: ReadonlyArray<Axis>; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const mentioned = new Set<Axis>();
  const diagnostics: Array<Diagnostic> = [];
  const mention = (name: string, at: Place) => {
    const axis = axes.find((candidate) => candidate.name === name);
    if (axis !== undefined) mentioned.add(axis);
    else diagnostics.push(unknownAxis(name, at, axes));
  };
  const visit = (value: Located): void => {
    if (value.kind === "list") value.items.forEach(visit);
    else if (value.kind === "map") value.entries.forEach((entry) => visit(entry.value));
    else if (typeof value.value === "string") {
      const whole = wholeValue.exec(value.value)?.[1];
      if (whole !== undefined) mention(whole, value.at);
      else
        for (const match of value.value.matchAll(inString))
          if (match[2] !== undefined) mention(match[2], value.at);
    }
  };
  visit(located);
  return { mentioned: axes.filter((axis) => mentioned.has(axis)), diagnostics };
};

const unknownAxis = (name: string, at: Place, axes: ReadonlyArray<Axis>): Diagnostic =>
  name.includes(":")
    ? {
        message: `\`\${${name}}\` is not allowed: what a machine knows never enters a key`,
        at: spanOf(at),
        expected: "an axis, or `$$` for a literal dollar",
      }
    : unknownName(
        "axis",
        name,
        axes.map((axis) => axis.name),
        spanOf(at),
      );

/** The value at a point: `$axis` is the axis value itself, `${axis}` in a string its label, `$$` a dollar. */
export const substitute = (located: Located, axes: ReadonlyArray<Axis>, point: Point): Located => {
  const valueOf = (name: string) => {
    const position = axes.findIndex((axis) => axis.name === name);
    return axes[position]?.values[point[position] ?? 0];
  };
  const visit = (value: Located): Located => {
    switch (value.kind) {
      case "list":
        return { ...value, items: value.items.map(visit) };
      case "map":
        return {
          ...value,
          entries: value.entries.map((entry) => ({ ...entry, value: visit(entry.value) })),
        };
      case "scalar": {
        if (typeof value.value !== "string") return value;
        const whole = wholeValue.exec(value.value)?.[1];
        if (whole !== undefined) return valueOf(whole)?.value ?? value;
        const mentions: Array<AxisValue> = [];
        const text = value.value.replace(
          inString,
          (_, dollar: string | undefined, name: string) => {
            const mentioned = dollar === undefined ? valueOf(name) : undefined;
            if (mentioned !== undefined) mentions.push(mentioned);
            return dollar === undefined ? (mentioned?.label ?? "") : "$";
          },
        );
        return { ...value, value: text, ...(mentions.length === 0 ? {} : { mentions }) };
      }
    }
  };
  return visit(located);
};
