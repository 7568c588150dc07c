/** Edits and selections given on the command line, as runs and bundles record them. */
import { Schema, SchemaTransformation } from "effect";

const Given = Schema.Struct({
  /** Each `path=value`: `stages.model.with.steps=300`, or `model.steps=300` for a param of a stage. */
  set: Schema.Array(Schema.String),
  /** Each `name=v1,v2`: values by label where the axis has such labels, else as YAML scalars. */
  axis: Schema.Array(Schema.String),
  /** Stages or nodes: nothing is made but these and what they need. */
  only: Schema.Array(Schema.String),
});
export interface Overrides extends Schema.Schema.Type<typeof Given> {}

export const noOverrides: Overrides = { set: [], axis: [], only: [] };

/** Flags and their values, in the order in which `pipe run` applies them. */
export const flagsOf = ({
  set,
  axis,
  only,
}: Overrides): ReadonlyArray<readonly [flag: string, value: string]> => [
  ...set.map((value) => ["--set", value] as const),
  ...axis.map((value) => ["--axis", value] as const),
  ...only.map((value) => ["--only", value] as const),
];

/** `--set model.steps=300`: the form that runs and bundles had until November 2026. */
const AsText = Schema.Array(Schema.String).pipe(
  Schema.decodeTo(
    Schema.toType(Given),
    SchemaTransformation.transform({
      decode: (texts): Overrides => ({
        set: valuesOf("--set ", texts),
        axis: valuesOf("--axis ", texts),
        only: valuesOf("--only ", texts),
      }),
      encode: (overrides) => flagsOf(overrides).map((pair) => pair.join(" ")),
    }),
  ),
);

const valuesOf = (flag: string, texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.flatMap((text) => (text.startsWith(flag) ? [text.slice(flag.length)] : []));

export const Overrides = Schema.Union([Given, AsText]);
