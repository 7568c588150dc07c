/** Diagnostics of bad experiments: place, message, squiggle, expectation, nearest name. Nothing is written. */
import { assert, describe, it } from "@effect/vitest";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";
import { bad, head } from "./badSpecs.ts";

interface Shown {
  readonly line: number;
  readonly col: number;
  readonly message: string;
  readonly under: string;
  readonly hints: string;
}

/** Parses a rendered diagnostic. */
const readShown = (block: string, file: string): Shown => {
  const [headline = "", shown = "", squiggle = "", ...hints] = block.split("\n");
  const match = /^(.+?):(\d+):(\d+) error: (.*)$/u.exec(headline);
  assert.isNotNull(match, block);
  assert.strictEqual(match?.[1], file);
  const start = squiggle.indexOf("~");
  assert.isAbove(start, -1, block);
  return {
    line: Number(match?.[2]),
    col: Number(match?.[3]),
    message: match?.[4] ?? "",
    under: shown.slice(start, squiggle.length),
    hints: hints.join("\n"),
  };
};

const refused = async (rig: Rig, file: string, ...args: ReadonlyArray<string>) => {
  const { code, stdout, stderr } = await rig.pipe("run", file, ...args);
  assert.strictEqual(code, 2, stderr);
  assert.strictEqual(stdout, "");
  assert.isFalse(rig.has(".pipe"), "something was written");
  const blocks = stderr.trimEnd().split("\n\n");
  assert.match(blocks.pop() ?? "", /^\d+ errors?; nothing was started$/u);
  return blocks;
};

describe("refuses with a diagnostic:", () => {
  for (const [what, [text, complaints]] of Object.entries(bad)) {
    it(
      what,
      inRig(async (rig) => {
        rig.write("bad.yaml", head + text);
        const shown = (await refused(rig, "bad.yaml")).map((block) => readShown(block, "bad.yaml"));
        assert.strictEqual(shown.length, complaints.length, JSON.stringify(shown, null, 1));
        const lines = (head + text).split("\n");
        for (const [index, { under, says, expected = "", suggestion }] of complaints.entries()) {
          const one = shown[index] as Shown;
          assert.strictEqual(one.under, under);
          const written = lines[one.line - 1]?.slice(one.col - 1, one.col - 1 + under.length);
          assert.strictEqual(
            written?.replaceAll("\t", " "),
            under,
            `not at ${one.line}:${one.col}`,
          );
          assert.include(one.message, says);
          assert.include(one.hints, expected);
          if (suggestion !== undefined) assert.include(one.hints, `did you mean ${suggestion}?`);
        }
      }),
    );
  }

  it(
    "all errors at once, in the order of the file",
    inRig(async (rig) => {
      const text = `name: bad
discription: x
axes: { seed: [0] }
stages:
  data: { use: rendr, with: {} }
  a: { use: command, with: { run: "echo \${sed}", tme: 1 } }
  b: { use: command, from: { x: { all: nothing } }, with: { run: 7 } }
  c: { use: sft, from: { data: a }, with: { steps: 0, batch: -1 } }
`;
      rig.write("bad.yaml", text);
      const shown = (await refused(rig, "bad.yaml")).map((block) => readShown(block, "bad.yaml"));
      assert.deepStrictEqual(
        shown.map(({ line, under }) => `${line} ${under}`),
        [
          "2 discription",
          "5 rendr",
          '6 "echo ${sed}"',
          "6 tme",
          "7 nothing",
          "7 7",
          "8 a",
          "8 0",
          "8 -1",
        ],
      );
    }),
  );

  it(
    "errors in --set and --axis, with places in the argument",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
axes: { loss: [{ label: low, kind: fixed, lambda: 0.3 }], seed: [0] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  model: { use: sft, from: { data: c }, with: { loss: $loss, seed: $seed } }
`,
      );
      const diagnosticOf = async (flag: string, edit: string) => {
        const [block = "", ...others] = await refused(rig, "e.yaml", flag, edit);
        assert.deepStrictEqual(others, []);
        const { under, message, hints } = readShown(block, flag);
        return [under, message, hints] as const;
      };
      const [steps, , expected] = await diagnosticOf("--set", "model.steps=many");
      assert.strictEqual(steps, "many");
      assert.include(expected, "number");
      const [name, message, hints] = await diagnosticOf("--set", "model.stepz=3");
      assert.strictEqual(name, "model.stepz");
      assert.include(message, "stepz");
      assert.include(hints, "`steps`");
      assert.strictEqual((await diagnosticOf("--set", "stages.model.use=sftt"))[0], "sftt");
      assert.strictEqual((await diagnosticOf("--set", "nonsense"))[0], "nonsense");
      assert.strictEqual((await diagnosticOf("--set", "model.steps=[1,"))[0], "[1,");
      assert.strictEqual((await diagnosticOf("--axis", "sed=1"))[0], "sed");
      const [value, , labels] = await diagnosticOf("--axis", "loss=lo,low");
      assert.strictEqual(value, "lo");
      assert.include(labels, "`low`");
      assert.strictEqual((await diagnosticOf("--axis", "seed=0,x"))[0], "x");
    }),
  );

  it(
    "as one JSON line on stdout with --json",
    inRig(async (rig) => {
      rig.write("bad.yaml", `${head}stages: { a: { use: comand } }`);
      const { code, stdout, stderr } = await rig.pipe("plan", "bad.yaml", "--json");
      assert.strictEqual(code, 2);
      assert.strictEqual(stderr, "");
      const [line, ...others] = jsonLines(stdout);
      assert.deepStrictEqual(others, []);
      assert.deepInclude(line, { v: 1, _tag: "InvalidSpec" });
      const [diagnostic] = (line?.["diagnostics"] ?? []) as ReadonlyArray<object>;
      assert.deepInclude(diagnostic, {
        message: "unknown stage `comand`",
        suggestion: "did you mean `command`?",
      });
    }),
  );

  for (const [what, text] of [
    ["an empty file", ""],
    ["a file of comments", "# nothing\n"],
    ["a list", "- a\n- b\n"],
    ["a word", "hello"],
    ["bytes that are no text", "\u0000\u0001\uFFFD: [\u0007"],
    ["a hundred thousand brackets", "[".repeat(100_000)],
    ["brackets in a place of their own", `a: ${"[".repeat(5000)}${"]".repeat(5000)}`],
  ] as const) {
    it(
      what,
      inRig(async (rig) => {
        rig.write("bad.yaml", text);
        const blocks = await refused(rig, "bad.yaml");
        assert.isAtLeast(blocks.length, 1);
        for (const block of blocks) assert.match(block, /^bad\.yaml:\d+:\d+ error: /u);
      }),
    );
  }

  it(
    "a missing file, and a directory",
    inRig(async (rig) => {
      const missing = await rig.pipe("run", "nowhere.yaml");
      assert.strictEqual(missing.code, 2);
      assert.include(missing.stderr, "the experiment nowhere.yaml does not exist");
      const directory = await rig.pipe("plan", ".");
      assert.strictEqual(directory.code, 2);
      assert.include(directory.stderr, "directory");
    }),
  );
});

describe("refuses an override:", () => {
  const experiment = `name: e
axes: { seed: [0, 1] }
stages:
  model: { use: command, with: { run: "echo \${seed} > {out}/x", timeout: 5 minutes } }
`;
  for (const [argument, value, says, ...hints] of [
    [
      "--set",
      "mdl.run=x",
      "unknown stage or key of this experiment `mdl`",
      "did you mean `model`?",
    ],
    ["--set", "stages.mdl.with.run=x", "unknown stage of this experiment `mdl`", "`model`"],
    ["--set", "model.with.run=x", "would be the param `with`", "stages.model.with.run"],
    ["--set", "model.resources.cpus=2", "would be the param", "stages.model.resources.cpus"],
    [
      "--set",
      "model.run=echo hi # there",
      "cut short: `# there` is a comment",
      '"echo hi # there"',
    ],
    ["--set", "model.timeout=", "has no value", "a value"],
    ["--set", "stages.model.resources.cpus=1e999", "`1e999` doesn't fit into a number"],
    ["--set", "stages.model.resources.cpus=0x10", '"0x10"', "number"],
    ["--axis", "seed=0,,1", "has no value here"],
    ["--axis", "seed=1,1", "--axis:1:1 error: the axis `seed` has two values labelled `1`"],
    ["--axis", "seed=9007199254740993", "doesn't fit into a number"],
  ] as const)
    it(
      `${argument} ${value}`,
      inRig(async (rig) => {
        rig.write("e.yaml", experiment);
        const [block = "", ...others] = await refused(rig, "e.yaml", argument, value);
        assert.deepStrictEqual(others, []);
        for (const text of [`${argument}:1:`, value, says, ...hints]) assert.include(block, text);
      }),
    );

  it(
    "given twice",
    inRig(async (rig) => {
      rig.write("e.yaml", experiment);
      const axis = await refused(rig, "e.yaml", "--axis", "seed=0", "--axis", "seed=1");
      assert.include(axis.join(), "`axes.seed` is set twice");
      const set = ["--set", "model.run=x", "--set", "stages.model.with.run=y"];
      assert.include((await refused(rig, "e.yaml", ...set)).join(), "is set twice");
    }),
  );
});

describe("refuses a file", () => {
  const valid = `name: e\nstages: { a: { use: command, with: { run: "echo caf\u00E9 > {out}/x" } } }\n`;

  for (const [what, encoding, byte, place] of [
    ["in Latin-1", "latin1", "0xE9", "bad.yaml:2:52"],
    ["in UTF-16", "utf16le", "0xFF", "bad.yaml:1:1"],
  ] as const)
    it(
      `${what}, at its first byte that is not UTF-8`,
      inRig(async (rig) => {
        const start = encoding === "utf16le" ? "\uFEFF" : "";
        fs.writeFileSync(rig.path("bad.yaml"), Buffer.from(start + valid, encoding));
        const [block = ""] = await refused(rig, "bad.yaml");
        assert.include(block, `${place} error: the byte ${byte} is not UTF-8`);
      }),
    );

  it(
    "that is a pipe, at once",
    inRig(async (rig) => {
      execFileSync("mkfifo", [rig.path("pipe.yaml")]);
      for (const command of ["plan", "run"]) {
        const { code, stderr } = await rig.pipe(command, "pipe.yaml");
        assert.strictEqual(code, 2);
        assert.include(stderr, "pipe.yaml can't be read: it is a pipe, not a file");
      }
    }),
  );

  it(
    "with a name too long for a directory",
    inRig(async (rig) => {
      rig.write("bad.yaml", valid.replace("name: e", `name: ${"n".repeat(201)}`));
      const [block = ""] = await refused(rig, "bad.yaml");
      assert.include(block, "expected a name: at most 200 letters");
    }),
  );
});

describe("mistakes on the command line", () => {
  it(
    "have a fix in their JSON",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\naxes: { x: [1] }\nstages: { a: { use: command, with: { run: x } } }\n`,
      );
      for (const [args, fix] of [
        [["plan", "e.yaml"], "e.yaml:2:9: expected `$x`"],
        [["plan", "nowhere.yaml"], "see pipe plan --help"],
        [["plan", "e.yaml", "--steps", "5"], "--set STAGE.steps=VALUE"],
        [["run", "e.yaml", "--jobs", "1e9"], "see pipe run --help"],
        [["show", "nothing"], ""],
        [["runz"], ""],
      ] as const) {
        const { code, stdout } = await rig.pipe(...args, "--json");
        assert.strictEqual(code, 2, stdout);
        const [error = {}] = jsonLines(stdout);
        assert.isNotEmpty(error["fix"], stdout);
        assert.include(String(error["fix"]), fix);
      }
    }),
  );

  it(
    "are bytes that are not UTF-8",
    inRig(async (rig) => {
      const command = `exec ${JSON.stringify(rig.executable)} plan e.yaml --set "$(printf 'name=caf\\351')"`;
      const { status, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
      assert.strictEqual(status, 2);
      assert.include(stderr, "is not UTF-8");
    }),
  );
});

describe("large experiments:", () => {
  it(
    "an axis of 50,000 points is planned",
    inRig(async (rig) => {
      const values = Array.from({ length: 50_000 }, (_, index) => index).join(", ");
      rig.write(
        "e.yaml",
        `name: e\naxes: { x: [${values}] }\nstages: { a: { use: command, with: { run: "echo \${x}" } } }\n`,
      );
      const { code, stdout } = await rig.pipe("plan", "e.yaml");
      assert.strictEqual(code, 0);
      assert.include(stdout, "50000 nodes: 0 cached, 50000 to run");
      assert.isFalse(rig.has(".pipe"));
    }),
  );

  it(
    "a sweep of 2,000 points through three stages and a fan-in is planned, with a JSON line each",
    inRig(async (rig) => {
      const list = (count: number) => Array.from({ length: count }, (_, index) => index).join(", ");
      rig.write(
        "e.yaml",
        `name: e
axes: { x: [${list(20)}], y: [${list(10)}], z: [${list(10)}] }
stages:
  a: { use: command, with: { run: "echo \${x}" } }
  b: { use: command, from: { a: a }, with: { run: "echo \${y}" } }
  c: { use: command, from: { b: b }, with: { run: "echo \${z}" } }
  d: { use: command, from: { c: { all: c, over: [y, z] } }, with: { run: "true" } }
`,
      );
      const { stdout } = await rig.pipe("plan", "e.yaml", "--json");
      const stages = jsonLines(stdout).map((line) => String(line["node"]).replace(/\[.*/u, ""));
      const count = (name: string) => stages.filter((stage) => stage === name).length;
      assert.deepStrictEqual(["a", "b", "c", "d"].map(count), [20, 200, 2000, 20]);
    }),
  );
});
