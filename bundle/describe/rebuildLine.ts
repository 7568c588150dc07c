/** The command that makes one node of the bundled experiment, or all of it. */
import { runLine } from "../../pipelines/experiment/commandLine.ts";
import { flagsOf, type Overrides } from "../../schemas/Overrides.ts";

export const rebuildLine = (overrides: Overrides, node?: string): string =>
  runLine(
    "experiment.yaml",
    flagsOf(node === undefined ? overrides : { ...overrides, only: [node] }),
  );
