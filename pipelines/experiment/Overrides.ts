/** Applies `--set path=value` and `--axis name=v1,v2`. Values are YAML with places in the command line. */
import { type Diagnostic, unknownName } from "../../schemas/Diagnostic.ts";
import { Experiment, StageSpec } from "../../schemas/Experiment.ts";
import type { Overrides } from "../../schemas/Overrides.ts";
import { argumentValue } from "./argumentValue.ts";
import { entryOf, type Located } from "./Located.ts";
import { Source, spanOf } from "./Source.ts";

/** The part of the overrides that edits the experiment; `--only` selects from its graph. */
export type SpecEdits = Pick<Overrides, "set" | "axis">;

interface Edited {
  readonly value: Located;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

/** One value for one path of the experiment. */
interface Edit {
  readonly source: Source;
  readonly path: ReadonlyArray<string>;
  /** The end of the path in the argument. */
  readonly pathEnd: number;
  readonly value: Located;
}

type ReadEdit = Edit | { readonly diagnostics: ReadonlyArray<Diagnostic> };

export const applyOverrides = (experiment: Located, edits: SpecEdits): Edited => {
  const diagnostics: Array<Diagnostic> = [];
  const paths = new Set<string>();
  let value = experiment;
  const apply = (edit: ReadEdit) => {
    if ("diagnostics" in edit) {
      diagnostics.push(...edit.diagnostics);
      return;
    }
    const path = edit.path.join(".");
    if (paths.has(path))
      diagnostics.push({
        message: `\`${path}\` is set twice`,
        at: edit.source.span(0, edit.pathEnd),
        expected: "each path once, with all its values",
      });
    paths.add(path);
    value = assign(value, edit.path, edit);
  };
  for (const text of edits.set) apply(readSet(value, text));
  for (const text of edits.axis) apply(readAxis(value, text));
  return { value, diagnostics };
};

const readSet = (experiment: Located, text: string): ReadEdit => {
  const source = new Source("--set", text);
  const equals = text.indexOf("=");
  if (equals < 1) {
    const message = `\`${text}\` is not an override`;
    const at = source.span(0, text.length);
    return rejected({ message, at, expected: "path=value, such as model.steps=300" });
  }
  const steps = text.slice(0, equals).split(".");
  const at = source.span(0, equals);
  const unknown = unknownPath(steps, experiment);
  if (unknown !== undefined) return rejected({ ...unknown, at });
  const path = fullPath(steps, experiment);
  const beyond = beyondList(experiment, path);
  if (beyond !== undefined)
    return rejected({
      message: `\`${text.slice(0, equals)}\` names item ${beyond.index} of a list with ${beyond.length}`,
      at,
      expected: beyond.length === 0 ? "a list with items" : `0 to ${beyond.length - 1}`,
    });
  const read = argumentValue(source, equals + 1, text.length);
  return read.value === undefined ? read : { source, path, pathEnd: equals, value: read.value };
};

const keysOf = (located: Located | undefined): ReadonlyArray<string> =>
  located?.kind === "map" ? located.entries.map(({ key }) => key) : [];

const stageNames = (experiment: Located) => keysOf(entryOf(experiment, "stages")?.value);

const topKeys = Object.keys(Experiment.fields);
const stageKeys = Object.keys(StageSpec.fields);

/** `model.steps` is short for `stages.model.with.steps`. */
const fullPath = (path: ReadonlyArray<string>, experiment: Located): ReadonlyArray<string> => {
  const [first = "", ...rest] = path;
  const isShort = !topKeys.includes(first) && stageNames(experiment).includes(first);
  return isShort ? ["stages", first, "with", ...rest] : path;
};

/** The diagnostic of a path with a stage or key that the experiment does not have. */
const unknownPath = (path: ReadonlyArray<string>, experiment: Located): Diagnostic | undefined => {
  const [first = "", second = "", ...rest] = path;
  const stages = stageNames(experiment);
  if (first === "stages")
    return rest.length === 0 || stages.includes(second)
      ? undefined
      : unknownName("stage of this experiment", second, stages);
  if (topKeys.includes(first)) return undefined;
  if (!stages.includes(first))
    return unknownName("stage or key of this experiment", first, [...stages, ...topKeys]);
  if (!stageKeys.includes(second)) return undefined;
  return {
    message: `\`${first}.${second}\` would be the param \`${second}\``,
    expected: `stages.${path.join(".")}`,
  };
};

/** The first index on a path that is beyond the end of its list. */
const beyondList = (
  from: Located,
  path: ReadonlyArray<string>,
): { readonly index: string; readonly length: number } | undefined => {
  const [key, ...rest] = path;
  if (key === undefined || from.kind === "scalar") return undefined;
  if (from.kind === "map") {
    const entry = entryOf(from, key);
    return entry === undefined ? undefined : beyondList(entry.value, rest);
  }
  if (!/^\d+$/u.test(key)) return undefined;
  const item = from.items[Number(key)];
  return item === undefined ? { index: key, length: from.items.length } : beyondList(item, rest);
};

const assign = (into: Located, path: ReadonlyArray<string>, edit: Edit): Located => {
  const [key, ...rest] = path;
  if (key === undefined) return edit.value;
  const at = { source: edit.source, start: 0, end: edit.pathEnd };
  if (into.kind === "list" && /^\d+$/u.test(key)) {
    const items = into.items.map((item, index) =>
      index === Number(key) ? assign(item, rest, edit) : item,
    );
    return { ...into, items };
  }
  const empty: Located = { kind: "map", entries: [], at, weight: 1 };
  const target = into.kind === "map" ? into : empty;
  const old = entryOf(target, key);
  const entry = { key, keyAt: at, value: assign(old?.value ?? empty, rest, edit) };
  const entries =
    old === undefined
      ? [...target.entries, entry]
      : target.entries.map((other) => (other === old ? entry : other));
  return { ...target, entries };
};

const readAxis = (experiment: Located, text: string): ReadEdit => {
  const source = new Source("--axis", text);
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(equals, 0));
  const axes = entryOf(experiment, "axes")?.value;
  const axis = entryOf(axes, name)?.value;
  if (equals < 1) {
    const message = `\`${text}\` is not an override`;
    const at = source.span(0, text.length);
    return rejected({ message, at, expected: "axis=v1,v2, such as seed=0,1" });
  }
  if (axis === undefined)
    return rejected(unknownName("axis", name, keysOf(axes), source.span(0, equals)));
  const known = axis.kind === "list" ? axis.items : [];
  const diagnostics: Array<Diagnostic> = [];
  let start = equals + 1;
  const items = text
    .slice(start)
    .split(",")
    .flatMap((word) => {
      const place = { source, start, end: start + word.length };
      start += word.length + 1;
      const labelled = known.find((item) => labelOf(item) === word.trim());
      if (labelled !== undefined) return [labelled];
      const read = argumentValue(source, place.start, place.end);
      diagnostics.push(...read.diagnostics);
      if (read.value !== undefined && known.some((item) => item.kind === "map"))
        diagnostics.push(
          unknownName(
            `value of the axis \`${name}\``,
            word.trim(),
            known.map(labelOf),
            spanOf(place),
          ),
        );
      return read.value === undefined ? [] : [{ ...read.value, at: place }];
    });
  if (diagnostics.length > 0) return { diagnostics };
  const at = { source, start: equals + 1, end: text.length };
  const value: Located = { kind: "list", items, at, weight: items.length + 1 };
  return { source, path: ["axes", name], pathEnd: equals, value };
};

const labelOf = (item: Located): string => {
  if (item.kind === "scalar") return String(item.value);
  const label = entryOf(item, "label")?.value;
  return label?.kind === "scalar" ? String(label.value) : "";
};

const rejected = (diagnostic: Diagnostic): ReadEdit => ({ diagnostics: [diagnostic] });
