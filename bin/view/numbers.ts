/** The kinds of artifacts that are numbers for people to read: the file that has them, and how they read. */
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import type { ArtifactKind } from "../../schemas/Artifact.ts";
import { Correlations } from "../../schemas/Correlation.ts";
import { Table } from "../../schemas/Table.ts";
import { correlationsText } from "./correlationsText.ts";
import type { Style } from "./style.ts";
import { tableText } from "./tableText.ts";

export interface Numbers {
  /** As in the file, under the name of its kind. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: (title: string, style: Style) => string;
}

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

const readers: { readonly [kind in ArtifactKind]?: (json: string) => Numbers } = {
  table: (json) => {
    const table = decodeTable(json);
    return { json: { table }, text: (title, style) => tableText(table, title, style) };
  },
  correlations: (json) => {
    const correlations = decodeCorrelations(json);
    return {
      json: { correlations },
      text: (title, style) => correlationsText(correlations, title, style),
    };
  },
};

/** What an artifact of that kind says, from the first of the directories that has it. */
export const numbersIn = (
  kind: ArtifactKind,
  directories: ReadonlyArray<string>,
): Numbers | undefined => {
  const read = readers[kind];
  if (read === undefined) return undefined;
  const file = directories
    .map((directory) => path.join(directory, `${kind}.json`))
    .find((file) => fs.existsSync(file));
  return file === undefined ? undefined : read(fs.readFileSync(file, "utf8"));
};
