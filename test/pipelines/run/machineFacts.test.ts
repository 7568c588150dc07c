import { assert, describe, it, vi } from "@effect/vitest";
import { Effect } from "effect";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { anyPython } from "../../../executors/interpreters.ts";
import {
  factsElsewhere,
  gpuFactsFrom,
  type MachineFacts,
  machineFacts,
} from "../../../pipelines/run/machineFacts.ts";
import { root } from "../../../schemas/root.ts";

describe("facts about a machine", () => {
  it("count GPUs by model", () => {
    const table = "NVIDIA H200, 570.86.15\nNVIDIA H200, 570.86.15\nNVIDIA L4, 570.86.15\n";
    const gpus = "2 × NVIDIA H200; 1 × NVIDIA L4";
    assert.deepStrictEqual(gpuFactsFrom(table), { gpus, driver: "570.86.15" });
    assert.deepStrictEqual(gpuFactsFrom(""), {});
  });

  it.effect("are the same on a compute node, whose job has them from Python", () =>
    Effect.gen(function* () {
      const script =
        "import json, machine_facts; print(json.dumps(machine_facts.machine_facts(False)))";
      const env = { ...process.env, PYTHONPATH: path.join(root, "executors") };
      const printed = execFileSync(anyPython(), ["-c", script], { encoding: "utf8", env });
      const { cores: onNode, ...node } = factsElsewhere(JSON.parse(printed) as MachineFacts);
      const { cores, ...here } = yield* machineFacts(false);
      assert.deepStrictEqual(node, here);
      // Node heeds a container's processor quota, too, which Slurm doesn't set
      assert.isAtLeast(Number(onNode), Number(cores));
    }),
  );

  it.effect("include the GPUs that nvidia-smi lists, only when asked for, and run it once", () =>
    Effect.gen(function* () {
      const bin = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-machine-"));
      const script = `#!/bin/sh\necho asked >> ${bin}/asked\necho "NVIDIA H200, 570.86.15"\n`;
      fs.writeFileSync(path.join(bin, "nvidia-smi"), script, { mode: 0o755 });
      vi.stubEnv("PATH", [bin, process.env["PATH"]].join(path.delimiter));
      assert.doesNotHaveAnyKeys(yield* machineFacts(false), ["gpus", "driver"]);
      assert.isFalse(fs.existsSync(path.join(bin, "asked")));
      for (let times = 0; times < 2; times += 1)
        assert.include(yield* machineFacts(true), {
          gpus: "1 × NVIDIA H200",
          driver: "570.86.15",
        });
      assert.strictEqual(fs.readFileSync(path.join(bin, "asked"), "utf8"), "asked\n");
      vi.unstubAllEnvs();
      fs.rmSync(bin, { recursive: true });
    }),
  );
});
