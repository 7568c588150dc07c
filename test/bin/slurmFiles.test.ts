/** Files that compute nodes open: the index of the store is none of them. */
import { assert, describe, it } from "@effect/vitest";
import { puppet } from "../rig/Rig.ts";
import { canHaveCluster } from "../rig/SlurmCluster.ts";
import { slurmTests } from "../rig/slurmTests.ts";

const chain = `name: chain
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "$(cat {in.a}/value) b" })} } }
`;

describe.skipIf(!canHaveCluster)("compute nodes", () => {
  const { cluster, start, succeeds, onCluster } = slurmTests({ SLURM_TRACE: "1" });
  const opensOf = (name: string) => cluster().opens.filter((line) => line.includes(name)).length;

  it(
    "read inputs and write outputs, and never open the index",
    onCluster(chain, async (rig) => {
      await succeeds(start(rig));
      assert.isAtLeast(opensOf("/out/value"), 2, "two outputs");
      assert.isAtLeast(opensOf(".pipe/trees/"), 1, "an input");
      assert.strictEqual(opensOf("index.sqlite"), 0);
      // a `pipe` on a node would be counted
      cluster().ask("srun", `--chdir=${rig.directory}`, rig.executable, "plan", "e.yaml");
      assert.isAbove(opensOf("index.sqlite"), 0);
    }),
  );
});
