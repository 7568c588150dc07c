/** `plan.json`: the plan of a run when it began. */
import { Option, Schema } from "effect";
import fs from "node:fs";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { ArtifactKind } from "../../schemas/Artifact.ts";
import { Overrides } from "../../schemas/Overrides.ts";

export const RunPlan = Schema.Struct({
  run: Schema.String,
  experiment: Schema.String,
  /** The experiment's file, as it was named on the command line. */
  spec: Schema.String,
  overrides: Overrides,
  nodes: Schema.Array(
    Schema.Struct({
      node: Schema.String,
      stageName: Schema.String,
      stage: Schema.String,
      kind: ArtifactKind,
      labels: Schema.Record(Schema.String, Schema.String),
      recipe: Schema.String,
      /** The artifact of a node that was cached when the run began. */
      cached: Schema.optionalKey(Schema.String),
    }),
  ),
});
export interface RunPlan extends Schema.Schema.Type<typeof RunPlan> {}
export type RunPlanNode = RunPlan["nodes"][number];

const decodePlan = Schema.decodeUnknownOption(Schema.fromJsonString(RunPlan));

/** Undefined where the file is missing or damaged. `run` is the directory's name, even after somebody renamed it. */
export const readRunPlan = (home: string, run: string): RunPlan | undefined => {
  const file = RunDirectory.of(home, run).plan;
  if (!fs.existsSync(file)) return undefined;
  const plan = Option.getOrUndefined(decodePlan(fs.readFileSync(file, "utf8")));
  return plan === undefined ? undefined : { ...plan, run };
};
