/**
 * Axes of a sweep. A stage depends on an axis if its params mention it or an input depends on it. A point of a stage is
 * one value for each of its axes, in the order in which the experiment declares them.
 */
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import { entryOf, type Located } from "./Located.ts";
import { type Place, spanOf } from "./Source.ts";

export interface AxisValue {
  readonly label: string;
  /** The value itself: a scalar, or the object without its label. */
  readonly value: Located;
}

export interface Axis {
  readonly name: string;
  readonly values: ReadonlyArray<AxisValue>;
  readonly at: Place;
  /** The values come from the command line. */
  readonly isOverridden: boolean;
}

/** An index into the values of each axis. */
export type Point = ReadonlyArray<number>;

/** Reads `axes`. Two values of one axis must not share a label. */
export const readAxes = (
  located: Located | undefined,
): { readonly axes: ReadonlyArray<Axis>; readonly diagnostics: ReadonlyArray<Diagnostic> } => {
  const diagnostics: Array<Diagnostic> = [];
  if (located?.kind !== "map") return { axes: [], diagnostics };
  const axes = located.entries.map(({ key, keyAt, value }) => {
    const values = value.kind === "list" ? value.items.map(axisValue) : [];
    for (const item of values) diagnostics.push(...mentionedAxes(item.value, []).diagnostics);
    const isOverridden = keyAt.source !== located.at.source;
    const seen = new Set<string>();
    for (const item of values) {
      if (seen.has(item.label)) {
        diagnostics.push({
          message: `the axis \`${key}\` has two values labelled \`${item.label}\``,
          // `--axis` names values that may stand in the experiment
          at: spanOf(isOverridden ? keyAt : item.value.at),
          expected: "a different label for each value",
        });
      }
      seen.add(item.label);
    }
    return { name: key, values, at: keyAt, isOverridden };
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

/** Every point of the axes; the last axis varies fastest. No axes have exactly one point. */
export const pointsOf = (axes: ReadonlyArray<Axis>): ReadonlyArray<Point> =>
  axes.reduce<ReadonlyArray<Point>>(
    (points, axis) => points.flatMap((point) => axis.values.map((_, index) => point.concat(index))),
    [[]],
  );

/** The index of a point in `pointsOf(axes)`. */
export const indexOfPoint = (axes: ReadonlyArray<Axis>, point: Point): number =>
  axes.reduce((index, axis, position) => index * axis.values.length + (point[position] ?? 0), 0);

/** The coordinates of a point on the axes `onto`, a subset of `from`. */
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

const wholeValue = /^\$([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)?)$/u;
const inString = /(\$\$)(?=[A-Za-z{])|\$\{([^}]*)\}/gu;

/** A mention of an axis, or of one field of its values: `$axis`, `$axis.field`. */
interface Mention {
  readonly axis: Axis;
  readonly field: string | undefined;
}

const readMention = (written: string): { readonly name: string; readonly field?: string } => {
  const dot = written.indexOf(".");
  return dot < 0
    ? { name: written }
    : { name: written.slice(0, dot), field: written.slice(dot + 1) };
};

/** The axes and fields that a value mentions, with a diagnostic for each unknown name. */
export const mentionedAxes = (
  located: Located,
  axes: ReadonlyArray<Axis>,
): {
  readonly axes: ReadonlyArray<Axis>;
  readonly mentions: ReadonlyArray<Mention>;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
} => {
  const mentions: Array<Mention> = [];
  const diagnostics: Array<Diagnostic> = [];
  const mention = (written: string, at: Place, isInText: boolean) => {
    const { name, field } = readMention(written);
    const axis = axes.find((candidate) => candidate.name === name);
    if (axis === undefined) diagnostics.push(unknownAxis(name, at, axes));
    else {
      mentions.push({ axis, field });
      diagnostics.push(...(field === undefined ? [] : fieldProblem(axis, field, at, isInText)));
    }
  };
  const visit = (value: Located): void => {
    if (value.kind === "list") value.items.forEach(visit);
    else if (value.kind === "map") value.entries.forEach((entry) => visit(entry.value));
    else if (typeof value.value === "string") {
      const whole = wholeValue.exec(value.value)?.[1];
      if (whole !== undefined) return mention(whole, value.at, false);
      for (const match of value.value.matchAll(inString))
        if (match[2] !== undefined) mention(match[2], value.at, true);
      diagnostics.push(...withoutBraces(value.value, value.at, axes));
    }
  };
  visit(located);
  const mentioned = new Set(mentions.map(({ axis }) => axis));
  return { axes: axes.filter((axis) => mentioned.has(axis)), mentions, diagnostics };
};

/** Every value of the axis must have the field; inside a text it must be a scalar. */
const fieldProblem = (
  axis: Axis,
  field: string,
  at: Place,
  isInText: boolean,
): ReadonlyArray<Diagnostic> => {
  const fields = axis.values.map(({ value }) => entryOf(value, field)?.value);
  const lacking = axis.values[fields.indexOf(undefined)];
  if (lacking !== undefined) {
    const keys = lacking.value.kind === "map" ? lacking.value.entries.map(({ key }) => key) : [];
    const where = `field of \`${lacking.label}\`, a value of the axis \`${axis.name}\`:`;
    return [unknownName(where, field, keys, spanOf(at))];
  }
  if (!isInText || fields.every((value) => value?.kind === "scalar")) return [];
  return [
    {
      message: `\`\${${axis.name}.${field}}\` stands in a text, and is a list or an object`,
      at: spanOf(at),
      expected: "a field that is a number, a text, true or false",
    },
  ];
};

const bare = /(?<!\$)\$([A-Za-z][A-Za-z0-9_-]*)/gu;

/** `--seed=$seed` would keep the dollar; `$seed-1` may mean `seed`. */
const withoutBraces = (
  text: string,
  at: Place,
  axes: ReadonlyArray<Axis>,
): ReadonlyArray<Diagnostic> => {
  const words = [...text.matchAll(bare)].map(([, word = ""]) => word);
  return axes
    .filter(({ name }) => words.some((word) => word === name || word.startsWith(`${name}-`)))
    .map(({ name }) => ({
      message: `\`$${name}\` inside a longer text is not replaced`,
      at: spanOf(at),
      expected: `\`\${${name}}\` for the axis, or \`$$${name}\` for a literal dollar`,
    }));
};

const unknownAxis = (name: string, at: Place, axes: ReadonlyArray<Axis>): Diagnostic =>
  name.includes(":")
    ? {
        message: `\`\${${name}}\` is not allowed: facts of a machine never enter a key`,
        at: spanOf(at),
        expected: "an axis, or `$$` for a literal dollar",
      }
    : unknownName(
        "axis",
        name,
        axes.map((axis) => axis.name),
        spanOf(at),
      );

/**
 * A function from a point to the value there: `$axis` becomes the axis value and `$axis.field` its field; within a string
 * `${axis}` becomes the label, `${axis.field}` the field's text and `$$` a dollar. What mentions no axis is the same object at
 * every point.
 */
export const substitution = (
  located: Located,
  axes: ReadonlyArray<Axis>,
): ((point: Point) => Located) => varying(located, axes) ?? (() => located);

/** Undefined for a value that is the same at every point. */
const varying = (
  located: Located,
  axes: ReadonlyArray<Axis>,
): ((point: Point) => Located) | undefined => {
  switch (located.kind) {
    case "list": {
      const items = located.items.map((item) => varying(item, axes));
      if (items.every((item) => item === undefined)) return undefined;
      return (point) => ({
        ...located,
        items: located.items.map((item, index) => items[index]?.(point) ?? item),
      });
    }
    case "map": {
      const values = located.entries.map(({ value }) => varying(value, axes));
      if (values.every((value) => value === undefined)) return undefined;
      return (point) => ({
        ...located,
        entries: located.entries.map((entry, index) => {
          const value = values[index]?.(point);
          return value === undefined ? entry : { ...entry, value };
        }),
      });
    }
    case "scalar": {
      if (typeof located.value !== "string") return undefined;
      const whole = wholeValue.exec(located.value)?.[1];
      if (whole === undefined) return varyingText(located, located.value, axes);
      const valueOf = mentionedValue(whole, axes);
      return (point) => valueOf(point)?.value ?? located;
    }
  }
};

const varyingText = (
  located: Extract<Located, { readonly kind: "scalar" }>,
  text: string,
  axes: ReadonlyArray<Axis>,
): ((point: Point) => Located) | undefined => {
  const pieces: Array<string | ((point: Point) => AxisValue | undefined)> = [];
  let end = 0;
  for (const match of text.matchAll(inString)) {
    pieces.push(text.slice(end, match.index));
    pieces.push(match[1] === undefined ? mentionedValue(match[2] ?? "", axes) : "$");
    end = match.index + match[0].length;
  }
  if (pieces.length === 0) return undefined;
  pieces.push(text.slice(end));
  return (point) => {
    const mentions: Array<AxisValue> = [];
    let value = "";
    for (const piece of pieces) {
      const mentioned = typeof piece === "string" ? undefined : piece(point);
      if (mentioned !== undefined) mentions.push(mentioned);
      value += typeof piece === "string" ? piece : (mentioned?.label ?? "");
    }
    return { ...located, value, ...(mentions.length === 0 ? {} : { mentions }) };
  };
};

/** A function from a point to the axis value of a mention, or to the field of it that the mention names. */
const mentionedValue = (
  written: string,
  axes: ReadonlyArray<Axis>,
): ((point: Point) => AxisValue | undefined) => {
  const { name, field } = readMention(written);
  const position = axes.findIndex((axis) => axis.name === name);
  const wholeAt = (point: Point) => axes[position]?.values[point[position] ?? 0];
  if (field === undefined) return wholeAt;
  return (point) => {
    const value = entryOf(wholeAt(point)?.value, field)?.value;
    return value && { label: value.kind === "scalar" ? String(value.value) : "", value };
  };
};
