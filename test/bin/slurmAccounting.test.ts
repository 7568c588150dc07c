/** Slurm's accounting (slurmdbd on MariaDB), on, off, late and empty: it changes no result and no message. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { jsonLines, type Rig, waitFor } from "../rig/Rig.ts";
import { canHaveCluster } from "../rig/SlurmCluster.ts";
import { slurmTests } from "../rig/slurmTests.ts";

/** One job that succeeds, one that fails, and one whose end only the scheduler can explain. */
const experiment = `name: ends
axes: { end: [good, bad, killed] }
stages:
  a:
    use: command
    with:
      run: |
        echo \${end} >> calls
        ${waitFor("go")}
        echo \${end} > {out}/value
        case \${end} in bad) exit 3 ;; killed) kill -KILL $$ ;; esac
`;

/** The facts that a person learns of a run: its exit code, the artifact, the failures. Ids of jobs differ. */
const outcomeOf = async (rig: Rig, { code, stdout }: { code: number; stdout: string }) => ({
  code,
  failures: jsonLines(stdout)
    .filter(({ _tag }) => _tag === "NodeFailed")
    .map(({ node, message, fix }) => [node, message, fix].join(": ").replaceAll(/job \d+/gu, "job"))
    .toSorted(),
  files: await rig.filesOf("a[end=good]"),
});

describe.skipIf(!canHaveCluster)("accounting", () => {
  const { cluster, startUntil, onCluster } = slurmTests({ SLURM_DB: "1" });

  const sql = (statement: string): string => {
    const socket = path.join(cluster().root, "run/mysql.sock");
    const words = ["--no-defaults", "-uroot", `--socket=${socket}`, "-N", "-e", statement];
    return execFileSync("mariadb", words, { encoding: "utf8" }).trim();
  };
  /** The number of ended tasks that accounting knows. */
  const ended = (): number =>
    Number(sql("select count(*) from slurm_acct.test_job_table where time_end > 0"));
  const known = (): number => Number(sql("select count(*) from slurm_acct.test_job_table"));
  const hears = (rig: Rig, tasks: number) =>
    rig.until(`accounting knows ${tasks} ended tasks`, () => ended() === tasks);

  /** Runs the experiment; `meanwhile` is called while its jobs run. */
  const run = async (rig: Rig, meanwhile: () => Promise<void> = async () => {}) => {
    const running = await startUntil(rig, 3, "--json", "--keep-going");
    await meanwhile();
    rig.write("go", "");
    return outcomeOf(rig, await running.ended);
  };

  it(
    "that is on, late, off or empty gives the same results and messages",
    onCluster(experiment, async (rig) => {
      cluster().wrap("sacct", "");
      /** A run in a store of its own, as before any other. */
      const runAfresh = (meanwhile?: () => Promise<void>) => {
        for (const name of [".pipe", "go", "calls"]) execFileSync("rm", ["-rf", rig.path(name)]);
        return run(rig, meanwhile);
      };
      const on = await run(rig);
      assert.strictEqual(on.code, 1);
      assert.strictEqual(on.failures.length, 2, on.failures.join("\n"));
      await hears(rig, 3);

      cluster().signal("slurmdbd", "SIGSTOP");
      assert.deepStrictEqual(await runAfresh(), on, "late");
      assert.strictEqual(ended(), 3, "it was late");
      cluster().signal("slurmdbd", "SIGCONT");
      await hears(rig, 6);

      cluster().signal("slurmdbd", "SIGKILL");
      assert.deepStrictEqual(await runAfresh(), on, "off");
      assert.strictEqual(ended(), 6, "it was off");
      cluster().restart("slurmdbd");
      await hears(rig, 9);

      const empty = await runAfresh(async () => {
        await rig.until("accounting knows the running tasks", () => known() === 12);
        sql("delete from slurm_acct.test_job_table");
        assert.strictEqual(
          cluster().ask("sacct", "-n", "-P", "-X"),
          "",
          "it answers, with nothing",
        );
      });
      assert.deepStrictEqual(empty, on, "empty");
      assert.strictEqual(cluster().calls("sacct"), 0, "pipe asks the queue and files alone");
    }),
    600_000,
  );
});
