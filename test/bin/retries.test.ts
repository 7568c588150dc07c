/** Retries: after infrastructure failures, never after failures of the work. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { findCheckpoints, inRig, jsonLines, puppet, type Rig, waitFor } from "../rig/Rig.ts";

/** Fails with the given exit code until it has been called `failures` times. */
const unsteady = (exitCode: number, failures: number, retry: string) =>
  `name: e\nstages: { a: { use: command, ${retry} with: { run: ${puppet("a", {
    does: `test $(grep -c a calls) -gt ${failures} || exit ${exitCode}`,
  })} } } }\n`;

const declared = `retry: { times: 2, wait: "10 millis", exit_codes: [75] },`;

const runJson = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { code, stdout } = await rig.pipe("run", "e.yaml", "--json", ...args);
  const events = jsonLines(stdout);
  return {
    code,
    tags: events.map((event) => String(event["_tag"])).filter((tag) => tag.startsWith("Node")),
    retried: events.filter((event) => event["_tag"] === "NodeRetried"),
  };
};

/** The supervisor of a `pipe`: its child that runs supervise.py. */
const supervisorOf = (rig: Rig, pipe: number | undefined): number => {
  const found = rig.survivors.find((pid) => {
    try {
      const parent = /^PPid:\t(\d+)$/mu.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return Number(parent) === pipe && command.includes("supervise.py");
    } catch {
      return false; // ended meanwhile, as a puppet's `sleep` does
    }
  });
  assert.isDefined(found, "there is a supervisor");
  return found ?? 0;
};

describe("a program that ends with a declared exit code", () => {
  it(
    "is retried, with an event for each attempt",
    inRig(async (rig) => {
      rig.write("e.yaml", unsteady(75, 2, declared));
      const { code, tags, retried } = await runJson(rig);
      assert.strictEqual(code, 0);
      assert.deepStrictEqual(rig.newCalls(), ["a", "a", "a"]);
      const tried = ["NodeStarted", "NodeRetried"];
      assert.deepStrictEqual(tags, [...tried, ...tried, "NodeStarted", "NodeSucceeded"]);
      assert.deepStrictEqual(
        retried.map((event) => event["seconds"]),
        [0.01, 0.02],
      );
      const [, node] = jsonLines((await rig.pipe("status", "--json")).stdout);
      assert.include(node, { state: "made", attempt: 3 });
    }),
  );

  it(
    "too often fails, and every attempt is shown",
    inRig(async (rig) => {
      rig.write("e.yaml", unsteady(75, 100, declared));
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 1);
      assert.deepStrictEqual(rig.newCalls(), ["a", "a", "a"]);
      assert.match(stderr, /^↻ a +attempt 1 failed \(infrastructure: .*exit code 75\)/mu);
      assert.match(stderr, /^↻ a +attempt 2 failed/mu);
      assert.match(stderr, /^▸ a +started, attempt 3/mu);
      assert.match(stderr, /^✗ a +failed/mu);
    }),
  );

  it(
    "uses up no retry where it left a new checkpoint, and the next attempt has it",
    inRig(async (rig) => {
      const does = [
        ...findCheckpoints,
        "ls $saved >> seen",
        "test $(grep -c a calls) -gt 3 || { touch $saved/step-$(grep -c a calls); exit 75; }",
      ];
      const run = puppet("a", { does: does.join("; ") });
      const retry = declared.replace("times: 2", "times: 0");
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, ${retry} with: { run: ${run} } } }\n`,
      );
      await rig.made("e.yaml");
      assert.strictEqual(rig.calls.length, 4);
      const seen = ["step-1", "step-1", "step-2", "step-1", "step-2", "step-3"];
      assert.deepStrictEqual(rig.read("seen").trim().split("\n"), seen);
    }),
  );

  it(
    "is not retried where `times` is 0",
    inRig(async (rig) => {
      rig.write("e.yaml", unsteady(75, 100, "retry: { times: 0, exit_codes: [75] },"));
      assert.strictEqual((await runJson(rig)).code, 1);
      assert.deepStrictEqual(rig.newCalls(), ["a"]);
    }),
  );
});

describe("failures of the work are not retried:", () => {
  for (const [what, experiment] of [
    ["another exit code", unsteady(1, 100, declared)],
    ["an exit code where none is declared", unsteady(75, 100, "")],
    [
      "a time limit",
      unsteady(1, 0, declared)
        .replace("with: {", 'with: { timeout: "300 millis", ')
        .replace("exit 1", "exit 1; sleep 60"),
    ],
    [
      "an output that can't be stored",
      unsteady(1, 0, declared).replace("exit 1", "exit 1; mkfifo {out}/fifo"),
    ],
  ] as const) {
    it(
      what,
      inRig(async (rig) => {
        rig.write("e.yaml", experiment);
        const { code, tags } = await runJson(rig);
        assert.strictEqual(code, 1);
        // At its time limit, it may not have come to its call.
        assert.isAtMost(rig.newCalls().length, 1);
        assert.deepStrictEqual(tags, ["NodeStarted", "NodeFailed"]);
      }),
    );
  }

  it(
    "a missing program",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, ${declared} with: { run: [no-such-program] } } }\n`,
      );
      const { code, tags } = await runJson(rig);
      assert.strictEqual(code, 1);
      assert.deepStrictEqual(tags, ["NodeStarted", "NodeFailed"]);
    }),
  );
});

it(
  "a job whose supervisor was killed is retried by default",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e\nstages: { a: { use: command, retry: { wait: "10 millis" }, with: { run: ${puppet("a", { does: waitFor("go") })} } } }\n`,
    );
    const { child, ended } = rig.start(["run", "e.yaml", "--json"]);
    await rig.until("a runs", () => rig.calls.length === 1);
    process.kill(supervisorOf(rig, child.pid), "SIGKILL");
    await rig.until("a runs again", () => rig.calls.length === 2);
    rig.write("go", "");
    const { code, stdout } = await ended;
    assert.strictEqual(code, 0);
    const tags = jsonLines(stdout).map((event) => event["_tag"]);
    assert.deepStrictEqual(tags, [
      "RunStarted",
      "NodeStarted",
      "NodeRetried",
      "NodeStarted",
      "NodeSucceeded",
      "RunFinished",
    ]);
    assert.deepStrictEqual(await rig.filesOf("a"), { value: "a\n" });
  }),
);

it(
  "while a node waits for its retry, others run",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e
stages:
  a: { use: command, retry: { times: 1, wait: "2 seconds", exit_codes: [75] }, with: { run: ${puppet("a", { does: "[ -e again ] || { touch again; exit 75; }" })} } }
  b: { use: command, with: { run: ${puppet("b")} } }
`,
    );
    const { code, stderr } = await rig.pipe("run", "e.yaml", "-j", "1");
    assert.strictEqual(code, 0, stderr);
    assert.deepStrictEqual(rig.calls, ["a", "b", "a"]);
  }),
);
