/** The Slurm executor on a real Slurm: the contract of executors. */
import { Layer } from "effect";
import { afterAll, describe, vi } from "vitest";
import { slurmLayer } from "../../executors/slurm/Slurm.ts";
import { canHaveCluster, SlurmCluster } from "../rig/SlurmCluster.ts";
import { executorContract } from "./contract.ts";

const site = { poll_seconds: 2, patience_seconds: 5, grace_seconds: 1 };

describe.skipIf(!canHaveCluster)("Slurm", () => {
  if (!canHaveCluster) return;
  const cluster = new SlurmCluster({ SLURM_CPUS: "64" });
  vi.stubEnv("SLURM_CONF", cluster.environment.SLURM_CONF);
  afterAll(() => cluster.close());

  executorContract(
    "the Slurm executor",
    Layer.suspend(() => slurmLayer({ site, isDetached: () => false })),
  );
});
