/** Steps that tests on a cluster share: a cluster for a test file, and runs on it. */
import { afterAll, assert, beforeAll, beforeEach } from "@effect/vitest";
import { inRig, type Rig, type Running } from "./Rig.ts";
import { SlurmCluster } from "./SlurmCluster.ts";

/** Settings under which a run on the test's cluster waits for seconds, not for minutes. */
export const siteSettings = `slurm: { poll_seconds: 2, patience_seconds: 8, grace_seconds: 1 }\n`;

/** The exit code of `slurm/up.sh` where packages beyond Slurm's own can't be installed. */
const cannotInstall = 4;

/** `more` are settings of `slurm/up.sh`. Where packages that they need can't be installed, the tests are skipped and say so. */
export const slurmTests = (more: Readonly<Record<string, string>> = {}) => {
  let cluster: SlurmCluster;
  let missing: string | undefined;
  beforeAll(() => {
    try {
      cluster = new SlurmCluster({ SLURM_CPUS: "16", ...more });
    } catch (error) {
      if ((error as { status?: number }).status !== cannotInstall) throw error;
      missing = `packages can't be installed: ${String(error)}`;
      console.warn(`skipped: ${missing}`);
    }
  });
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
  afterAll(() => cluster?.close());

  const start = (rig: Rig, ...words: ReadonlyArray<string>): Running =>
    rig.start(["run", "e.yaml", "--executor", "slurm", ...words], cluster.environment);

  /** Starts a run of `e.yaml`, and returns when its puppets have made so many calls. */
  const startUntil = async (rig: Rig, calls: number, ...words: ReadonlyArray<string>) => {
    const run = start(rig, ...words);
    await rig.until(`call ${calls}`, () => rig.calls.length === calls);
    return run;
  };

  const succeeds = async ({ ended }: Running): Promise<void> => {
    const { code, stderr } = await ended;
    assert.strictEqual(code, 0, stderr);
  };

  /** A test in a rig with the settings of a site; counts submissions, and checks that no task is left. */
  const onCluster = (
    experiment: string,
    test: (rig: Rig, submissions: () => number) => Promise<void>,
  ) =>
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      rig.write("pipe.yaml", siteSettings);
      cluster.wrap("sbatch", "");
      const before = cluster.calls("sbatch");
      await test(rig, () => cluster.calls("sbatch") - before);
      await rig.until("no task is left", () => cluster.active === 0);
    });

  return { cluster: () => cluster, start, startUntil, succeeds, onCluster };
};
