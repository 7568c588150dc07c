import { assert, it } from "@effect/vitest";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import { mayBeAlive, thisProcess } from "../../cache/Owner.ts";

const statOf = (pid: number): ReadonlyArray<string> =>
  fs
    .readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /su, "")
    .split(" ");

it("a process that ended and that nobody has waited for is dead", async () => {
  // The shell becomes a sleep, which never waits for the child that the shell had.
  const parent = spawn("sh", ["-c", "true & exec sleep 60"]);
  try {
    const children = `/proc/${parent.pid}/task/${parent.pid}/children`;
    const childOf = () => Number(fs.readFileSync(children, "utf8").trim());
    for (let tries = 0; tries < 500 && !(childOf() > 0 && statOf(childOf())[0] === "Z"); tries++)
      await setTimeout(10);
    const pid = childOf();
    assert.strictEqual(statOf(pid)[0], "Z");
    const self = thisProcess();
    const zombie = { ...self, pid, started: statOf(pid)[19] ?? "" };
    assert.isFalse(mayBeAlive(zombie, self));
    assert.isTrue(mayBeAlive(self, self));
  } finally {
    parent.kill("SIGKILL");
  }
});
