import { BaseSequencer, type TestSpecification } from "vitest/node";
import { defineConfig } from "vitest/config";

/** The files that take longest: begun last, one of them would run alone at the end. */
const slow = [
  "oracles",
  "results/results",
  "study",
  "pretrained",
  "bin/fsck",
  "bin/gc",
  "report/page",
  "bin/slurm",
  "bin/slurmFaults",
  "executors/Slurm",
];

class SlowFilesFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const isSlow = ({ moduleId }: TestSpecification): boolean =>
      slow.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/rig/build.ts",
    sequence: { sequencer: SlowFilesFirst },
    // Much of the time is spent waiting for processes of our own: no core has to be left free.
    maxWorkers: "100%",
    // Only a test that hangs takes this long: `npm test` runs pytest beside, on machines of any speed.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
