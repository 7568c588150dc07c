/**
 * The registry of artifact kinds. A new kind `x` is `X.ts` with its files, schemas, reader and writer, a line below, and its
 * name in `schemas/Artifact.ts`; copy `Scores.ts`. A kind of numbers also has a text for the terminal and claims for
 * bundles: copy `Table.ts`. Stages import `TableFile.ts` alone, so a change of the text is no change of their code.
 *
 * Nothing outside `kinds/` spells the name of a file inside an artifact, except the Python trainers.
 */
import fs from "node:fs";
import path from "node:path";
import type { ArtifactKind } from "../schemas/Artifact.ts";
import { correlations } from "./Correlations.ts";
import { dataset } from "./Dataset.ts";
import { files } from "./Files.ts";
import type { Kind, Numbers } from "./Kind.ts";
import { measurements } from "./Measurements.ts";
import { model } from "./Model.ts";
import { predictions } from "./Predictions.ts";
import { rollouts } from "./Rollouts.ts";
import { scores } from "./Scores.ts";
import { table } from "./Table.ts";
import { transcripts } from "./Transcripts.ts";

export const kinds: Readonly<Record<ArtifactKind, Kind>> = {
  dataset,
  transcripts,
  model,
  predictions,
  scores,
  rollouts,
  table,
  correlations,
  measurements,
  files,
};

/** The numbers of an artifact, from the first of the directories that has them. */
export const numbersIn = (
  kind: ArtifactKind,
  directories: () => ReadonlyArray<string>,
  models: () => ReadonlyArray<string>,
): Numbers | undefined => {
  const { numbers } = kinds[kind];
  if (numbers === undefined) return undefined;
  const file = directories()
    .map((directory) => path.join(directory, numbers.file))
    .find((place) => fs.existsSync(place));
  return file === undefined ? undefined : numbers.read(fs.readFileSync(file, "utf8"), models());
};
