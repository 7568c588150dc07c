/**
 * Faults around a run: kills at random moments of its work, full and read-only disks, jumping clocks, many processes.
 *
 * `PIPE_TEST_KILLS=500 npx vitest run test/bin/faults.test.ts` kills that often; the default is small.
 */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { Random } from "../../stats/Random.ts";
import { actionsIn } from "../cache/recordsIn.ts";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

const kills = Number(process.env["PIPE_TEST_KILLS"] ?? 10);
const minutes = 60_000;

/** Work with `salt` in its middle: a new salt makes downstream nodes due, an old one finds them. */
const study = (salt: number) => `name: study
axes: { x: [1, 2, 3, 4, 5, 6], y: [1, 2] }
stages:
  a: { use: command, with: { run: ${puppet("a", { value: "a", does: "sleep 0.03" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet(`b\${x} ${salt}`, { value: `$(cat {in.a}/value) \${x} ${salt}`, does: "sleep 0.02" })} } }
  c: { use: command, from: { b: b }, with: { run: ${puppet(`c\${x}\${y} ${salt}`, { value: "$(cat {in.b}/value) ${y}", does: "head -c 200000 /dev/zero > {out}/big; mkdir {out}/deep; echo ${x} > {out}/deep/x; sleep 0.01" })} } }
  d: { use: command, from: { c: { all: c } }, with: { run: ${puppet(`d ${salt}`, { value: "$(cat {in.c}/*/value)" })} } }
`;

interface Told {
  readonly run: string;
  readonly [field: string]: unknown;
}

/** Every run's events, without torn lines. */
const eventsOf = (rig: Rig, home: string): ReadonlyArray<Told> =>
  fs.readdirSync(rig.path(home, "runs")).flatMap((run) => {
    const log = `${home}/runs/${run}/events.jsonl`;
    if (!rig.has(log)) return [];
    const whole = rig.read(log).split("\n").slice(0, -1).join("\n");
    return jsonLines(whole).map((event) => ({ ...event, run }));
  });

const digestOf = (file: string): string =>
  createHash("sha256").update(fs.readFileSync(file)).digest("hex");

/** Acknowledged artifacts are recorded, recorded ones exist, and existing ones are complete. */
const assertNothingLost = (rig: Rig, home = ".pipe") => {
  const actions = actionsIn(rig.path(home));
  for (const { action, files } of actions)
    for (const file of files) {
      const stored = rig.path(home, "trees", action.artifact, file.path);
      assert.strictEqual(digestOf(stored), file.sha256);
    }
  if (!rig.has(`${home}/runs`)) return;
  const known = new Set(actions.map(({ action }) => action.artifact));
  const acknowledged = eventsOf(rig, home).filter((event) => event["_tag"] === "NodeSucceeded");
  for (const event of acknowledged) assert.isTrue(known.has(String(event["artifact"])));
};

/** No acknowledged node was made twice. */
const assertNothingRepeated = (rig: Rig, home = ".pipe") => {
  const events = eventsOf(rig, home);
  const recipes = new Map(
    events
      .filter((event) => event["_tag"] === "NodeStarted")
      .map((event) => [`${event.run} ${String(event["node"])}`, event["recipe"]]),
  );
  const made = events
    .filter((event) => event["_tag"] === "NodeSucceeded")
    .map((event) => recipes.get(`${event.run} ${String(event["node"])}`));
  assert.strictEqual(new Set(made).size, made.length);
};

const commandOf = (pid: number): string => {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

const victims = {
  pipe: (command: string) => command.includes("pipe.js") || command.includes("pipe.ts"),
  supervisor: (command: string) => command.includes("supervise.py"),
  job: (command: string) => command.startsWith("sh -c"),
  anyone: () => true,
} as const;

describe("kill -9", () => {
  it(
    `at ${kills} random moments, of pipe, the supervisor, a job or anyone, with edits in between: no result is lost or made twice`,
    inRig(async (rig) => {
      const random = Random.of("kills", kills);
      const pick = <A>(values: ReadonlyArray<A>): A =>
        values[random.integer(0, values.length - 1)]!;
      let killed = 0;
      for (let round = 0; killed < kills; round += 1) {
        // In every other round all of b, c and d is due, so that there is work to kill when the others are done.
        rig.write("e.yaml", study(round % 2 === 0 ? 10 + round : pick([1, 2, 3])));
        const { child, ended } = rig.start(["run", "e.yaml", "--keep-going"]);
        // Moments by calls, not by time, are as many on a fast machine as on a slow one. None is the start.
        const call = random.integer(0, 15);
        const moment = rig.calls.length + call;
        await rig.until(
          `call ${moment} or the end`,
          () => rig.calls.length >= moment || child.exitCode !== null || child.signalCode !== null,
        );
        await setTimeout(random.integer(0, call === 0 ? 500 : 50));
        const isVictim = victims[pick(["pipe", "pipe", "supervisor", "job", "anyone"] as const)];
        const found = rig.survivors.filter((pid) => isVictim(commandOf(pid)));
        if (found.length > 0) {
          try {
            process.kill(pick(found), "SIGKILL");
            killed += 1;
          } catch {
            // It has ended meanwhile.
          }
        }
        const { code, stderr } = await ended;
        assert.oneOf(code, [0, 1, 137], stderr);
        await rig.until("no process is left", () => rig.survivors.length === 0);
        assertNothingLost(rig);
      }
      for (const salt of [1, 2, 3]) {
        rig.write("e.yaml", study(salt));
        const { code, stderr } = await rig.pipe("run", "e.yaml");
        assert.strictEqual(code, 0, stderr);
        const value = (await rig.filesOf("d"))["value"];
        const expected = [1, 2, 3, 4, 5, 6].flatMap((x) =>
          [1, 2].map((y) => `a ${x} ${salt} ${y}`),
        );
        assert.strictEqual(value, `${expected.join(" ").replaceAll(" a", "\na")}\n`);
      }
      assertNothingLost(rig);
      assertNothingRepeated(rig);
      assert.deepStrictEqual(await rig.due("e.yaml"), []);
      // Kills leave work directories, but none that is in anybody's way.
      assert.strictEqual((await rig.pipe("gc", "--delete")).code, 0);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/work")), []);
      assertNothingLost(rig);
    }),
    Math.max(15 * minutes, kills * 20_000),
  );
});

describe("many processes", () => {
  it(
    "eight on one plan of 60 nodes make every node exactly once",
    inRig(async (rig) => {
      const xs = Array.from({ length: 58 }, (_, index) => index);
      rig.write(
        "e.yaml",
        `name: many
axes: { x: ${JSON.stringify(xs)} }
stages:
  a: { use: command, with: { run: ${puppet("a")} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b${x}", { does: "sleep 0.01" })} } }
  c: { use: command, from: { b: { all: b } }, with: { run: ${puppet("c")} } }
`,
      );
      const results = await Promise.all(
        Array.from({ length: 8 }, () => rig.pipe("run", "e.yaml", "--json")),
      );
      const ends = results.map(({ code, stdout, stderr }) => {
        assert.strictEqual(code, 0, stderr);
        return jsonLines(stdout).at(-1);
      });
      assert.deepStrictEqual(rig.newCalls(), ["a", "c", ...xs.map((x) => `b${x}`)].toSorted());
      const executed = ends.map((end) => Number(end?.["executed"]));
      assert.strictEqual(
        executed.reduce((sum, count) => sum + count, 0),
        60,
      );
    }),
  );
});

const mounted = (options: string, ...more: ReadonlyArray<string>) =>
  spawnSync("mount", ["-o", options, ...more], { stdio: "ignore" }).status === 0;

const mayMount = (() => {
  const probe = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-mount-"));
  const may = mounted("size=64k", "-t", "tmpfs", "tmpfs", probe);
  if (may) execFileSync("umount", [probe]);
  fs.rmdirSync(probe);
  return may;
})();

/** A test whose store is on a small file system. */
const onDisk = (size: string, test: (rig: Rig, disk: string) => Promise<void>) =>
  inRig(async (rig) => {
    const disk = rig.path("disk");
    fs.mkdirSync(disk);
    assert.isTrue(mounted(`size=${size}`, "-t", "tmpfs", "tmpfs", disk));
    try {
      await test(rig, disk);
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });

const freeBytes = (directory: string) => {
  const { bavail, bsize } = fs.statfsSync(directory);
  return bavail * bsize;
};

const withStore = { PIPE_HOME: "disk/store" };

describe.skipIf(!mayMount)("a disk", () => {
  const hungry = `name: hungry
axes: { x: [1, 2, 3, 4, 5, 6, 7, 8] }
stages:
  a: { use: command, with: { run: ${puppet("a${x}", { does: "head -c 400000 /dev/urandom > {out}/big" })} } }
  b: { use: command, from: { a: { all: a } }, with: { run: ${puppet("b")} } }
`;

  it(
    "that is full: finished results are kept, partial ones not used, and with more space the run continues",
    onDisk("2m", async (rig, disk) => {
      rig.write("e.yaml", hungry);
      // Two at a time: more of them could fill the disk before the first is stored.
      const words = ["run", "e.yaml", "--keep-going", "--jobs", "2"];
      const full = await rig.start(words, withStore).ended;
      assert.oneOf(full.code, [1, 4], full.stderr);
      assert.match(full.stderr, /no space|ENOSPC|disk.*full|free some space/iu);
      assertNothingLost(rig, "disk/store");
      const made = actionsIn(rig.path("disk/store")).length;
      assert.isAbove(made, 0);
      assert.isBelow(made, 8);

      assert.isTrue(mounted("remount,size=64m", disk));
      rig.newCalls();
      const again = await rig.start(["run", "e.yaml"], withStore).ended;
      assert.strictEqual(again.code, 0, again.stderr);
      assert.strictEqual(rig.newCalls().length, 9 - made);
      assertNothingLost(rig, "disk/store");
    }),
  );

  it(
    "that is full: gc --delete frees room on it, and what it can't delete is reported and stops nothing",
    onDisk("3m", async (rig, disk) => {
      const failing = `head -c 900000 /dev/urandom > {out}/big; [ "${"$"}{x}" = 1 ] || exit 3`;
      rig.write(
        "e.yaml",
        `name: e\naxes: { x: [1, 2] }\nstages: { a: { use: command, with: { run: ${puppet("a${x}", { does: failing })} } } }\n`,
      );
      assert.strictEqual((await rig.start(["run", "-k", "e.yaml"], withStore).ended).code, 1);
      fs.rmSync(rig.path("disk/store/runs"), { recursive: true });
      rig.write("disk/store/work/busy/attempt/file", "x");
      assert.isTrue(mounted("size=64k", "-t", "tmpfs", "tmpfs", `${disk}/store/work/busy/attempt`));
      try {
        spawnSync("dd", ["if=/dev/zero", `of=${disk}/fill`, "bs=1k"], { stdio: "ignore" });
        assert.strictEqual(freeBytes(disk), 0);
        const { code, stdout, stderr } = await rig.start(["gc", "--delete"], withStore).ended;
        assert.strictEqual(code, 4, stdout + stderr);
        assert.include(stderr, "store/work/busy");
        assert.include(stderr, "the rest is deleted");
        // The artifact and the failed attempt.
        assert.isAbove(freeBytes(disk), 1_700_000);
      } finally {
        execFileSync("umount", [`${disk}/store/work/busy/attempt`]);
      }
      assert.strictEqual((await rig.start(["gc", "--delete"], withStore).ended).code, 0);
      assert.deepStrictEqual(fs.readdirSync(`${disk}/store/work`), []);
    }),
  );

  it(
    "that is read-only: everything can be shown, and a run says what to do",
    onDisk("16m", async (rig, disk) => {
      rig.write("e.yaml", study(1));
      const { code, stderr } = await rig.start(["run", "e.yaml"], withStore).ended;
      assert.strictEqual(code, 0, stderr);
      assert.isTrue(mounted("remount,ro", disk));
      const seen = async (...args: ReadonlyArray<string>) => {
        const result = await rig.start(args, withStore).ended;
        assert.strictEqual(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
        return result.stdout;
      };
      assert.match(await seen("plan", "e.yaml", "--check"), /20 cached, 0 to run/u);
      assert.include(await seen("show", "d"), "value");
      assert.include(await seen("runs"), "study-1");
      const refused = await rig.start(["run", "e.yaml"], withStore).ended;
      assert.strictEqual(refused.code, 4);
      assert.include(refused.stderr, "make the store writable");
    }),
  );
});

it(
  "a clock that jumps by years, forward and back, changes nothing",
  inRig(async (rig) => {
    rig.write(
      "clock.mjs",
      `const year = 365 * 24 * 3600 * 1000, now = Date.now;
let calls = 0;
Date.now = () => now() + year * [0, 5, -7, 0, -20, 3][calls++ % 6];
`,
    );
    const jumping = { NODE_OPTIONS: `--import=${rig.path("clock.mjs")}` };
    rig.write("input", "1");
    const run = async () => {
      const { code, stderr } = await rig.start(["run", "e.yaml"], jumping).ended;
      assert.strictEqual(code, 0, stderr);
      return rig.newCalls();
    };
    rig.write(
      "e.yaml",
      `name: e
stages:
  a: { use: command, with: { sources: [input], run: ${puppet("a", { value: "$(cat input)" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b", { value: "$(cat {in.a}/value)" })} } }
`,
    );
    assert.deepStrictEqual(await run(), ["a", "b"]);
    assert.deepStrictEqual(await run(), []);
    rig.write("input", "2");
    assert.deepStrictEqual(await run(), ["a", "b"]);
    rig.write("input", "1");
    assert.deepStrictEqual(await run(), []);
  }),
);
