/** Runs with failures: what stops, what continues, and the messages. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

/** bad fails until a file exists; after depends on it; one, two and three don't. */
const broken = `name: broken
stages:
  bad: { use: command, with: { run: ${puppet("bad", { does: "echo to the log; echo last words >&2; test -e fixed || exit 3" })} } }
  after: { use: command, from: { bad: bad }, with: { run: ${puppet("after")} } }
  one: { use: command, with: { run: ${puppet("one")} } }
  two: { use: command, from: { one: one }, with: { run: ${puppet("two")} } }
  three: { use: command, from: { two: two, bad: bad }, with: { run: ${puppet("three")} } }
`;

describe("with --json every error is one line on stdout:", () => {
  const errorOf = async (rig: Rig, ...args: ReadonlyArray<string>) => {
    const { code, stdout, stderr } = await rig.pipe(...args, "--json");
    assert.strictEqual(stderr, "");
    const [line, ...others] = jsonLines(stdout);
    assert.deepStrictEqual(others, []);
    assert.strictEqual(line?.["v"], 1);
    return { code, ...line } as Readonly<Record<string, unknown>>;
  };

  it(
    "an unknown name, a missing file, a command line that can't be parsed",
    inRig(async (rig) => {
      assert.deepInclude(await errorOf(rig, "plan", "none.yaml"), {
        code: 2,
        _tag: "UsageError",
        message: "the experiment none.yaml does not exist",
      });
      assert.deepInclude(await errorOf(rig, "status", "--no-such-flag"), {
        code: 2,
        _tag: "UsageError",
        fix: "see pipe status --help",
      });
    }),
  );

  it(
    "an unusable store, with a fix",
    inRig(async (rig) => {
      rig.write("e.yaml", broken);
      rig.write(".pipe/index.sqlite", "no database at all, but long enough to be looked at as one");
      const { code, _tag, fix } = await errorOf(rig, "plan", "e.yaml");
      assert.deepStrictEqual([code, _tag], [4, "StoreTrouble"]);
      assert.include(String(fix), "pipe fsck --repair");
    }),
  );
});

describe("a stage that fails", () => {
  it(
    "is shown with message, end of log, kept files and the command to continue; once fixed, the run continues",
    inRig(async (rig) => {
      rig.write("e.yaml", broken);
      const { code, stdout, stderr } = await rig.pipe("run", "e.yaml", "--set", "two.env={A: b c}");
      assert.strictEqual(code, 1);
      assert.strictEqual(stdout, "");
      assert.match(stderr, /^✗ bad +failed after/mu);
      assert.include(stderr, "the command ended with exit code 3");
      assert.include(stderr, "│ to the log\n  │ last words\n");
      assert.include(stderr, "continue with: npx pipe run e.yaml --set 'two.env={A: b c}'");
      assert.match(stderr, /skipped: bad failed/u);
      const kept = rig.path(/kept in (.+)/u.exec(stderr)?.[1] ?? "");
      assert.include(fs.readFileSync(`${kept}/log`, "utf8"), "last words");
      assert.include(rig.read(".pipe/runs/broken-1/logs/bad.log"), "last words");

      rig.newCalls();
      rig.write("fixed", "");
      const made = await rig.made("e.yaml", "--set", "two.env={A: b c}");
      assert.includeMembers([...made], ["bad", "after", "three"]);
      assert.isFalse(fs.existsSync(kept), "what a failure kept goes with its success");
      assert.deepStrictEqual(await rig.made("e.yaml", "--set", "two.env={A: b c}"), []);
    }),
  );

  it(
    "stops nodes that have not started",
    inRig(async (rig) => {
      rig.write("e.yaml", broken);
      assert.strictEqual((await rig.pipe("run", "e.yaml", "--jobs", "1")).code, 1);
      assert.deepStrictEqual(rig.newCalls(), ["bad"]);
    }),
  );

  it(
    "with --keep-going stops only its downstream nodes",
    inRig(async (rig) => {
      rig.write("e.yaml", broken);
      const { code, stdout } = await rig.pipe("run", "e.yaml", "--jobs", "1", "-k", "--json");
      assert.strictEqual(code, 1);
      assert.deepStrictEqual(rig.newCalls(), ["bad", "one", "two"]);
      const events = jsonLines(stdout);
      const skipped = events.filter((event) => event["_tag"] === "NodeSkipped");
      assert.sameMembers(
        skipped.map((event) => event["node"]),
        ["after", "three"],
      );
      assert.deepInclude(events.at(-1), { status: "failed", executed: 2, failed: 1, skipped: 2 });
    }),
  );

  it(
    "leaves no result, and its partial output is not used",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: "echo half > {out}/value; test -e fixed && echo whole > {out}/other" } } }\n`,
      );
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 1);
      assert.deepStrictEqual(fs.readdirSync(rig.path(".pipe/trees")), []);
      rig.write("fixed", "");
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "half\n", other: "whole\n" });
    }),
  );

  it(
    "for want of a Python that runs names PIPE_PYTHON",
    inRig(async (rig) => {
      rig.write("e.yaml", `name: e\nstages: { a: { use: command, with: { run: "true" } } }\n`);
      for (const python of ["/no/python", "/etc/passwd/python"]) {
        const { code, stderr } = await rig.start(["run", "e.yaml"], { PIPE_PYTHON: python }).ended;
        assert.strictEqual(code, 1);
        assert.include(stderr, "the supervisor of jobs could not be started: spawn");
        assert.include(stderr, "or name one in PIPE_PYTHON");
        assert.notInclude(stderr, "bug in pipe");
      }
    }),
  );

  it(
    "can print anything: control characters and long lines are escaped and cut",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: "printf '\\\\033[2Jhidden\\\\n\\\\377\\\\n'; head -c 100000 /dev/zero | tr '\\\\0' x; exit 1" } } }\n`,
      );
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 1);
      assert.notInclude(stderr, "\u001B");
    }),
  );

  it(
    "at its time limit says so, and leaves no process",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { timeout: 300 millis, run: "sleep 100 & sleep 100" } } }\n`,
      );
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 1);
      assert.include(stderr, "stopped after 300ms, its time limit");
      assert.include(stderr, "timeout");
      assert.deepStrictEqual(rig.survivors, []);
    }),
  );

  it(
    "because its program is missing says so",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: [no-such-program, x] } } }\n`,
      );
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 1);
      assert.include(stderr, "no-such-program");
      assert.notInclude(stderr, "mistake in pipe");
    }),
  );

  for (const [what, program, message] of [
    ["a pipe", "mkfifo {out}/fifo", "fifo is a pipe, not a file"],
    ["a link to nowhere", "ln -s nowhere {out}/link", "is a link to nowhere, which does not exist"],
    ["a link into a circle", "ln -s . {out}/link", "a link to a directory that holds it"],
    ["a name that is no text", "touch {out}/$(printf '\\377')", "is not UTF-8"],
  ] as const) {
    it(
      `because it makes ${what} says so`,
      inRig(async (rig) => {
        rig.write(
          "e.yaml",
          `name: e\nstages: { a: { use: command, with: { run: ${JSON.stringify(program)} } } }\n`,
        );
        const { code, stderr } = await rig.pipe("run", "e.yaml");
        assert.strictEqual(code, 1, stderr);
        assert.match(stderr, /^✗ a +failed/mu);
        assert.include(stderr, message);
      }),
    );
  }
});

describe("exit codes:", () => {
  const simple = `name: e\nstages: { a: { use: command, with: { run: ${puppet("a")} } } }\n`;

  it(
    "plan --check exits 10 when nodes are due, else 0; plan writes nothing",
    inRig(async (rig) => {
      rig.write("e.yaml", simple);
      assert.strictEqual((await rig.pipe("plan", "e.yaml", "--check")).code, 10);
      assert.strictEqual((await rig.pipe("plan", "e.yaml")).code, 0);
      assert.isFalse(rig.has(".pipe"));
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      assert.strictEqual((await rig.pipe("plan", "e.yaml", "--check")).code, 0);
    }),
  );

  it(
    "mistakes on the command line are 2",
    inRig(async (rig) => {
      rig.write("e.yaml", simple);
      for (const args of [
        ["run"],
        ["nonsense"],
        ["run", "e.yaml", "--bogus"],
        ["run", "e.yaml", "--jobs", "0"],
        ["run", "e.yaml", "--jobs", "many"],
        ["run", "e.yaml", "one-more"],
        ["show", "nothing"],
        ["show", "abcdef123456"],
        ["table"],
        ["export", "nothing", "x"],
      ]) {
        const { code, stderr } = await rig.pipe(...args);
        assert.strictEqual(code, 2, args.join(" "));
        assert.match(stderr, /^error: /mu, args.join(" "));
        assert.notMatch(stderr, /^ +at /mu, "a stack trace");
      }
      assert.isFalse(rig.has(".pipe"));
    }),
  );

  it(
    "an unusable store is 4, with a fix",
    inRig(async (rig) => {
      rig.write("e.yaml", simple);
      rig.write("file", "");
      for (const home of [rig.path("file/store"), "/proc/pipe"]) {
        const blocked = await rig.start(["run", "e.yaml"], { PIPE_HOME: home }).ended;
        assert.strictEqual(blocked.code, 4, blocked.stderr);
      }
      rig.write(
        "broken/index.sqlite",
        "this is no database, and it is longer than a header ".repeat(40),
      );
      const broken = await rig.start(["run", "e.yaml"], { PIPE_HOME: rig.path("broken") }).ended;
      assert.strictEqual(broken.code, 4, broken.stderr);
      assert.include(broken.stderr, "pipe fsck --repair");
    }),
  );
});

it(
  "a slow reader gets every line even if the exit code is not 0",
  inRig(async (rig) => {
    const values = Array.from({ length: 5000 }, (_, index) => index).join(", ");
    rig.write(
      "e.yaml",
      `name: e\naxes: { x: [${values}] }\nstages: { a: { use: command, with: { run: "echo \${x}" } } }\n`,
    );
    const { child, ended } = rig.start(["plan", "e.yaml", "--json", "--check"]);
    child.stdout?.pause();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.stdout?.resume();
    const { code, stdout } = await ended;
    assert.strictEqual(code, 10);
    assert.strictEqual(jsonLines(stdout).length, 5000);
  }),
);
