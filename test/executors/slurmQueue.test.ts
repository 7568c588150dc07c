/** The meaning of answers of Slurm's queue, and how jobs become arrays. */
import { assert, describe, it } from "@effect/vitest";
import { randomUUID } from "node:crypto";
import { Schema } from "effect";
import type { Job } from "../../executors/Executor.ts";
import { batchesOf, batchScript, sbatchWords } from "../../executors/slurm/batch.ts";
import { slurmEnvironment } from "../../executors/slurm/commands.ts";
import {
  isHopeless,
  isOver,
  isTemporary,
  lossOf,
  readQueue,
  taskKey,
} from "../../executors/slurm/queue.ts";

const jobOf = (more: Partial<Job> = {}): Job => {
  const id = randomUUID();
  const demand = { cpus: 1, memory: 0, gpus: 0 };
  const place = { directory: `/work/${id}`, cwd: "/", environment: {} };
  return { id, stage: "sft", command: ["true"], ...place, ...demand, ...more };
};

const submission = {
  executor: "slurm",
  name: "n",
  task: 0,
  id: "7",
  at: 0,
  eventsFrom: 0,
} as const;

const lossIn = (state: string, life: Parameters<typeof lossOf>[3]) =>
  lossOf(jobOf(), submission, { array: "7", state, reason: "None", node: "n1" }, life);

describe("the queue", () => {
  it("is read by name and task, and noise is passed over", () => {
    const queue = readQueue(
      "squeue: warning\nn|0|7|RUNNING|None|n1\nn|1|7|PENDING|Resources|\nm|N/A|8|RUNNING||\n",
    );
    assert.deepStrictEqual([...queue.keys()], [taskKey({ name: "n", task: 0 }), "n 1"]);
    assert.strictEqual(queue.get("n 1")?.reason, "Resources");
  });

  it("knows the ends, and takes every other state for life", () => {
    const over = (state: string) => isOver({ array: "7", state, reason: "", node: "" });
    for (const state of ["COMPLETED", "CANCELLED by 0", "NODE_FAIL", "OUT_OF_MEMORY"])
      assert.isTrue(over(state));
    for (const state of ["RUNNING", "COMPLETING", "REQUEUED", "SOMETHING_NEW"])
      assert.isFalse(over(state));
  });

  it("knows reasons that never pass", () => {
    const hopeless = (reason: string) =>
      isHopeless({ array: "7", state: "PENDING", reason, node: "" });
    assert.isTrue(hopeless("DependencyNeverSatisfied"));
    assert.isTrue(hopeless("launch failed requeued held"));
    assert.isFalse(hopeless("Priority"));
  });

  it("explains every loss, and retries those of the infrastructure alone", () => {
    for (const [state, tag, words] of [
      ["OUT_OF_MEMORY", "JobKilled", "ran out of memory on n1"],
      ["TIMEOUT", "JobLost", "time limit"],
      ["CANCELLED by 0", "JobKilled", "cancelled"],
      ["PREEMPTED", "JobLost", "preempted"],
      ["NODE_FAIL", "JobLost", "lost its node on n1"],
    ] as const) {
      const { _tag, message } = lossIn(state, "started");
      assert.strictEqual(_tag, tag);
      assert.include(message, words);
      assert.include(message, "Slurm job 7_0");
    }
    assert.include(lossIn("FAILED", "none").message, "could not begin");
    assert.include(lossIn("FAILED", "started").message, "was killed");
    assert.include(lossIn("COMPLETED", "stopped").message, "near its time limit");
  });

  it("tells failures that pass from refusals", () => {
    assert.isTrue(
      isTemporary(
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
      ),
    );
    assert.isTrue(
      isTemporary("slurm_load_jobs error: Unable to contact slurm controller (connect failure)"),
    );
    assert.isFalse(isTemporary("sbatch: error: invalid partition specified: gpux"));
  });
});

describe("a batch", () => {
  const sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })));
  it.prop("holds equal demands, within the limit, and every job once", [sizes], ([cpus]) => {
    const requests = cpus.map((count) => ({ job: jobOf({ cpus: count }) }));
    const batches = batchesOf(requests, { max_array_size: 2 });
    assert.sameMembers(batches.flat(), requests);
    for (const batch of batches) {
      assert.isAtMost(batch.length, 2);
      assert.strictEqual(new Set(batch.map(({ job }) => job.cpus)).size, 1);
    }
  });

  it("asks for the demands of its jobs and the settings of the site", () => {
    const job = jobOf({ cpus: 2, memory: 3 * 2 ** 30, gpus: 0.5 });
    const site = { partition: "gpu", time: "12:00:00", flags: ["--exclude=n7"], max_running: 5 };
    const words = sbatchWords("name", [job, job], site);
    for (const word of [
      "--array=0-1%5",
      "--cpus-per-task=2",
      "--mem=3072M",
      "--gres=gpu:1",
      "--time=12:00:00",
      "--partition=gpu",
      "--exclude=n7",
    ])
      assert.include(words, word);
  });

  it("quotes directories in its script", () => {
    assert.include(batchScript("n", ["/a b/it's"], "python3", "/r.py"), `'/a b/it'\\''s'`);
  });

  it("is submitted without the variables of an outer job, in the same cluster", () => {
    const outer = { SLURM_JOB_ID: "1", SBATCH_PARTITION: "x", SLURM_CONF: "/c", PATH: "/bin" };
    assert.deepStrictEqual(slurmEnvironment(outer), { SLURM_CONF: "/c", PATH: "/bin" });
  });
});
