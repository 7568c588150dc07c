/** The line that makes one node of the bundled experiment, or all of it. `overrides` are as a run records them: `--set a=1`. */
import { runLine } from "../pipelines/commandLine.ts";

export const rebuildLine = (overrides: ReadonlyArray<string>, node?: string): string => {
  const edits = overrides.filter((text) => node === undefined || !text.startsWith("--only "));
  return runLine("experiment.yaml", [...edits, ...(node === undefined ? [] : [`--only ${node}`])]);
};
