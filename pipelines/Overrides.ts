/**
 * `--set path=value` and `--axis name=v1,v2`: edits of the experiment made on the command line. They are YAML, too, and
 * keep their own positions.
 */
import { type Diagnostic, unknownName } from "../schemas/Diagnostic.ts";
import { type Located, parseSource, Source, spanOf } from "./Source.ts";

export interface Overrides {
  /** Each `path=value`: `stages.model.with.steps=300`, or `model.steps=300` for a param of a stage. */
  readonly set: ReadonlyArray<string>;
  /** Each `name=v1,v2`: values by label where the axis has such labels, else as YAML scalars. */
  readonly axis: ReadonlyArray<string>;
}

interface Edited {
  readonly value: Located;
  readonly diagnostics: ReadonlyArray<Diagnostic>;
}

export const applyOverrides = (experiment: Located, overrides: Overrides): Edited => {
  const diagnostics: Array<Diagnostic> = [];
  let value = experiment;
  for (const text of overrides.set) {
    const edited = applySet(value, text);
    value = edited.value;
    diagnostics.push(...edited.diagnostics);
  }
  for (const text of overrides.axis) {
    const edited = applyAxis(value, text);
    value = edited.value;
    diagnostics.push(...edited.diagnostics);
  }
  return { value, diagnostics };
};

const applySet = (experiment: Located, text: string): Edited => {
  const source = new Source("--set", text);
  const equals = text.indexOf("=");
  if (equals < 1) {
    return rejected(experiment, {
      message: `\`${text}\` is no override`,
      at: source.span(0, text.length),
      expected: "path=value, such as model.steps=300",
    });
  }
  const path = fullPath(text.slice(0, equals).split("."), experiment);
  if (text.slice(equals + 1).trim() === "") {
    const at = source.span(0, text.length);
    return rejected(experiment, {
      message: `\`${text}\` gives no value`,
      at,
      expected: "path=value",
    });
  }
  const beyond = beyondList(experiment, path);
  if (beyond !== undefined) {
    return rejected(experiment, {
      message: `\`${text.slice(0, equals)}\` names item ${beyond.index} of a list of ${beyond.length}`,
      at: source.span(0, equals),
      expected: beyond.length === 0 ? "a list that has items" : `0 to ${beyond.length - 1}`,
    });
  }
  // Blanks in front of the value keep its positions those of the argument.
  const parsed = parseSource(new Source("--set", " ".repeat(equals + 1) + text.slice(equals + 1)));
  if (parsed.value === undefined || parsed.diagnostics.length > 0) {
    return {
      value: experiment,
      diagnostics: parsed.diagnostics.map((found) => ({
        ...found,
        at: source.span(equals + 1, text.length),
      })),
    };
  }
  return {
    value: assign(experiment, path, relocate(parsed.value, source), source, equals),
    diagnostics: [],
  };
};

/** `model.steps` is short for `stages.model.with.steps`. */
const fullPath = (path: ReadonlyArray<string>, experiment: Located): ReadonlyArray<string> => {
  const [first = "", ...rest] = path;
  const isTop = ["name", "description", "axes", "stages"].includes(first);
  const names = stageNames(experiment);
  return !isTop && names.includes(first) ? ["stages", first, "with", ...rest] : path;
};

const stageNames = (experiment: Located): ReadonlyArray<string> => {
  const stages =
    experiment.kind === "map"
      ? experiment.entries.find((entry) => entry.key === "stages")?.value
      : undefined;
  return stages?.kind === "map" ? stages.entries.map((entry) => entry.key) : [];
};

/** Where a path leads out of a list. */
const beyondList = (
  from: Located,
  path: ReadonlyArray<string>,
): { readonly index: string; readonly length: number } | undefined => {
  const [key, ...rest] = path;
  if (key === undefined || from.kind === "scalar") return undefined;
  if (from.kind === "map") {
    const entry = from.entries.find((candidate) => candidate.key === key);
    return entry === undefined ? undefined : beyondList(entry.value, rest);
  }
  if (!/^\d+$/u.test(key)) return undefined;
  const item = from.items[Number(key)];
  return item === undefined ? { index: key, length: from.items.length } : beyondList(item, rest);
};

const assign = (
  into: Located,
  path: ReadonlyArray<string>,
  value: Located,
  source: Source,
  keyEnd: number,
): Located => {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const at = { source, start: 0, end: keyEnd };
  if (into.kind === "list" && /^\d+$/u.test(key)) {
    const items = into.items.map((item, index) =>
      index === Number(key) ? assign(item, rest, value, source, keyEnd) : item,
    );
    return { ...into, items };
  }
  const empty: Located = { kind: "map", entries: [], at, weight: 1 };
  const target = into.kind === "map" ? into : empty;
  const old = target.entries.find((entry) => entry.key === key);
  const entry = { key, keyAt: at, value: assign(old?.value ?? empty, rest, value, source, keyEnd) };
  const entries =
    old === undefined
      ? [...target.entries, entry]
      : target.entries.map((other) => (other === old ? entry : other));
  return { ...target, entries };
};

const relocate = (value: Located, source: Source): Located => {
  const at = { ...value.at, source };
  switch (value.kind) {
    case "scalar":
      return { ...value, at };
    case "list":
      return { ...value, at, items: value.items.map((item) => relocate(item, source)) };
    case "map":
      return {
        ...value,
        at,
        entries: value.entries.map((entry) => ({
          ...entry,
          keyAt: { ...entry.keyAt, source },
          value: relocate(entry.value, source),
        })),
      };
  }
};

const applyAxis = (experiment: Located, text: string): Edited => {
  const source = new Source("--axis", text);
  const equals = text.indexOf("=");
  const name = text.slice(0, Math.max(equals, 0));
  const axes =
    experiment.kind === "map"
      ? experiment.entries.find((entry) => entry.key === "axes")?.value
      : undefined;
  const entry =
    axes?.kind === "map" ? axes.entries.find((candidate) => candidate.key === name) : undefined;
  if (equals < 1 || entry === undefined) {
    const names = axes?.kind === "map" ? axes.entries.map((candidate) => candidate.key) : [];
    return rejected(
      experiment,
      equals < 1
        ? {
            message: `\`${text}\` is no override`,
            at: source.span(0, text.length),
            expected: "axis=v1,v2, such as seed=0,1",
          }
        : unknownName("axis", name, names, source.span(0, equals)),
    );
  }
  const known = entry.value.kind === "list" ? entry.value.items : [];
  const diagnostics: Array<Diagnostic> = [];
  let start = equals + 1;
  const items = text
    .slice(start)
    .split(",")
    .map((word) => {
      const place = { source, start, end: start + word.length };
      start += word.length + 1;
      const labelled = known.find((item) => labelOf(item) === word.trim());
      if (labelled !== undefined) return labelled;
      if (known.some((item) => item.kind === "map")) {
        diagnostics.push(
          unknownName(
            `value of the axis \`${name}\``,
            word.trim(),
            known.map(labelOf),
            spanOf(place),
          ),
        );
      }
      const { value: parsed, diagnostics: wrong } = parseSource(new Source("--axis", word));
      diagnostics.push(...wrong.map((found) => ({ ...found, at: spanOf(place) })));
      return parsed === undefined
        ? ({ kind: "scalar", value: word, at: place, weight: 1 } as const)
        : { ...parsed, at: place };
    });
  const value: Located = {
    kind: "list",
    items,
    at: { source, start: equals + 1, end: text.length },
    weight: items.length + 1,
  };
  return { value: assign(experiment, ["axes", name], value, source, equals), diagnostics };
};

const labelOf = (item: Located): string => {
  if (item.kind === "scalar") return String(item.value);
  const label =
    item.kind === "map" ? item.entries.find((entry) => entry.key === "label")?.value : undefined;
  return label?.kind === "scalar" ? String(label.value) : "";
};

const rejected = (value: Located, diagnostic: Diagnostic): Edited => ({
  value,
  diagnostics: [diagnostic],
});
