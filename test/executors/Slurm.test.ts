/** The Slurm executor on a real Slurm: the contract of executors. */
import { Layer } from "effect";
import { afterAll, describe, vi } from "vitest";
import { slurmLayer } from "../../executors/slurm/Slurm.ts";
import { canHaveCluster, SlurmCluster } from "../rig/SlurmCluster.ts";
import { executorContract } from "./contract.ts";

const site = { poll_seconds: 2, patience_seconds: 5 };

describe.skipIf(!canHaveCluster)("Slurm", () => {
  if (!canHaveCluster) return;
  const cluster = new SlurmCluster({ SLURM_CPUS: "64", SLURM_KILLWAIT: "30" });
  vi.stubEnv("SLURM_CONF", cluster.environment.SLURM_CONF);
  afterAll(() => cluster.close());

  const withGrace = (grace_seconds: number) =>
    Layer.suspend(() => slurmLayer({ site: { ...site, grace_seconds }, isDetached: () => false }));
  executorContract("the Slurm executor", { impatient: withGrace(1), patient: withGrace(30) });
});
