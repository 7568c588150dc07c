/** Axes, and fields of axis values, that no stage uses: a study of two seeds would have one. */
import { SchemaAST } from "effect";
import type { Diagnostic } from "../../schemas/Diagnostic.ts";
import { type Axis, mentionedAxes } from "./Axes.ts";
import { entryOf, type Located } from "./Located.ts";
import { spanOf } from "./Source.ts";
import type { WiredStage } from "./WiredStage.ts";

/** `written` is the experiment without overrides: one that pins a param may leave its axis without use. */
export const unusedAxes = (
  experiment: Located,
  written: Located,
  axes: ReadonlyArray<Axis>,
  wired: ReadonlyArray<WiredStage>,
): ReadonlyArray<Diagnostic> => {
  const used = new Set<string>();
  const fields = new Map<Axis, Set<string | undefined>>();
  for (const stages of [experiment, written].map((each) => entryOf(each, "stages")?.value)) {
    if (stages === undefined) continue;
    const mentions = mentionedAxes(stages, axes);
    // A misspelt or misplaced mention may have meant any axis.
    if (mentions.diagnostics.length > 0) return [];
    for (const { name } of mentions.axes) used.add(name);
    for (const { axis, field } of mentions.mentions)
      fields.set(axis, (fields.get(axis) ?? new Set()).add(field));
    // A fan-in over an axis has its own diagnostic.
    for (const name of listedWords(stages)) used.add(name);
  }
  const unused = axes
    .filter(({ name }) => !used.has(name))
    .map(({ name, at }) => ({
      message: `no stage uses the axis \`${name}\``,
      at: spanOf(at),
      expected: whereItFits(name, wired),
    }));
  return [...unused, ...[...fields].flatMap(([axis, mentioned]) => unusedFields(axis, mentioned))];
};

/** `undefined` among the mentioned fields stands for the whole value. */
const unusedFields = (
  axis: Axis,
  mentioned: ReadonlySet<string | undefined>,
): ReadonlyArray<Diagnostic> => {
  if (mentioned.has(undefined)) return [];
  const entries = axis.values.flatMap(({ value }) => (value.kind === "map" ? value.entries : []));
  return entries
    .filter(({ key }) => !mentioned.has(key))
    .map(({ key, keyAt }) => ({
      message: `no stage uses the field \`${key}\` of the axis \`${axis.name}\``,
      at: spanOf(keyAt),
      expected: `\`$${axis.name}.${key}\` in the \`with\` of a stage`,
    }));
};

const whereItFits = (axis: string, wired: ReadonlyArray<WiredStage>): string => {
  const places = wired
    .filter(({ stage: { params } }) => hasParam(params.ast, axis))
    .map(({ name }) => `\`${name}.with\``);
  return places.length === 0
    ? `\`$${axis}\`, or \`\${${axis}}\` inside a text, in the \`with\` of a stage`
    : `\`${axis}: $${axis}\` in ${places.join(" or ")}`;
};

const hasParam = (ast: SchemaAST.AST, name: string): boolean =>
  SchemaAST.isObjects(ast) && ast.propertySignatures.some((property) => property.name === name);

const listedWords = (located: Located): ReadonlyArray<string> => {
  switch (located.kind) {
    case "scalar":
      return [];
    case "list":
      return located.items.flatMap((item) =>
        item.kind === "scalar" ? [String(item.value)] : listedWords(item),
      );
    case "map":
      return located.entries.flatMap(({ value }) => listedWords(value));
  }
};
