/** What is said of a bad experiment: where, what, the squiggle, what was expected, the nearest name. Nothing is written. */
import { assert, describe, it } from "@effect/vitest";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";

interface Complaint {
  /** The text above the squiggle. */
  readonly under: string;
  readonly says: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

const head = "name: bad\n";

/** What is wrong → the experiment, and everything that must be said of it, in the order of the file. */
const bad: Readonly<Record<string, readonly [string, ReadonlyArray<Complaint>]>> = {
  "an unknown stage": [
    `stages: { data: { use: rendre, with: {} } }`,
    [
      {
        under: "rendre",
        says: "unknown stage `rendre`",
        expected: "render",
        suggestion: "`render`",
      },
    ],
  ],
  "an unknown param": [
    `stages:
  a: { use: command, with: { run: "true", time_out: 3 seconds } }
`,
    [{ under: "time_out", says: "`time_out`", expected: "timeout", suggestion: "`timeout`" }],
  ],
  "an unknown input": [
    `stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 } } }
  cot: { use: distill, from: { dato: data, data: data } }
`,
    [{ under: "dato", says: "unknown input of `distill` `dato`", suggestion: "`data`" }],
  ],
  "a missing input": [
    `stages: { cot: { use: distill } }`,
    [{ under: "cot", says: "lacks its input `data`", expected: "dataset" }],
  ],
  "an input from a stage that is not there": [
    `stages:
  data: { use: command, with: { run: "true" } }
  next: { use: command, from: { in: dota }, with: { run: "true" } }
`,
    [{ under: "dota", says: "`dota`", expected: "data", suggestion: "`data`" }],
  ],
  "a missing param": [
    `stages: { a: { use: command, with: { sources: [] } } }`,
    [{ under: "{ sources: [] }", says: "`run` is missing" }],
  ],
  "a missing param where there are no params at all": [
    `stages: { a: { use: command } }`,
    [{ under: "a", says: "`run` is missing" }],
  ],
  "a value of the wrong type": [
    `stages:
  cot: { use: files, with: { path: x } }
  m: { use: sft, from: { data: c }, with: { steps: many } }
  c: { use: distill, from: { data: d } }
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5.5 } } }
`,
    [
      { under: "many", says: '`steps` of stage `m` is "many"', expected: "number" },
      { under: "5.5", says: "`splits.test`", expected: "integer" },
    ],
  ],
  "a value out of its range": [
    `axes:
  loss:
    - { label: good, kind: fixed, lambda: 0.3 }
    - { label: bad, kind: fixed, lambda: 1.7 }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { loss: $loss } }
`,
    [{ under: "1.7", says: "`loss.lambda` of stage `m` is 1.7", expected: "between 0 and 1" }],
  ],
  "a kind that is not there": [
    `stages:
  d: { use: render, with: { task: { kind: sudoko }, splits: { train_sft: 5 } } }
`,
    [
      {
        under: "sudoko",
        says: "unknown kind `sudoko`",
        expected: "sudoku",
        suggestion: "`sudoku`",
      },
    ],
  ],
  "one of several names": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { schedule: cosin } }
`,
    [{ under: "cosin", says: "`schedule`", expected: "constant, cosine", suggestion: "`cosine`" }],
  ],
  "a cycle": [
    `stages:
  a: { use: command, from: { x: c }, with: { run: "true" } }
  b: { use: command, from: { x: a }, with: { run: "true" } }
  c: { use: command, from: { x: b }, with: { run: "true" } }
`,
    [{ under: "a", says: "in a circle: a ← c ← b ← a" }],
  ],
  "a stage that takes from itself": [
    `stages: { a: { use: command, from: { x: a }, with: { run: "true" } } }`,
    [{ under: "a", says: "in a circle: a ← a" }],
  ],
  "an input of the wrong kind": [
    `stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 } } }
  m: { use: sft, from: { data: data } }
`,
    [{ under: "data", says: "makes dataset, which `sft` can't take", expected: "transcripts" }],
  ],
  "an unknown axis, as a value and in a text": [
    `axes: { seed: [0] }
stages:
  a: { use: command, with: { run: [echo, $sead] } }
  b: { use: command, with: { run: "echo \${sed}" } }
`,
    [
      { under: "$sead", says: "unknown axis `sead`", expected: "seed", suggestion: "`seed`" },
      { under: '"echo ${sed}"', says: "unknown axis `sed`", suggestion: "`seed`" },
    ],
  ],
  "a fact about the machine": [
    `stages: { a: { use: command, with: { run: "echo \${env:HOME}" } } }`,
    [{ under: '"echo ${env:HOME}"', says: "never enters a key", expected: "`$$`" }],
  ],
  "a fan-in over something without an axis": [
    `stages:
  a: { use: command, with: { run: "true" } }
  b: { use: command, from: { x: { all: a } }, with: { run: "true" } }
`,
    [{ under: "a", says: "`a` has no axis to fan in over", expected: "x: a" }],
  ],
  "a fan-in over no axis": [
    `axes: { seed: [0, 1] }
stages:
  a: { use: command, with: { run: "echo \${seed}" } }
  b: { use: command, from: { x: { all: a, over: [] } }, with: { run: "true" } }
`,
    [{ under: "[]", says: "`stages.b.from.x.over`", expected: "at least 1" }],
  ],
  "a fan-in over an axis the stage does not have": [
    `axes: { seed: [0, 1], other: [0] }
stages:
  a: { use: command, with: { run: "echo \${seed}" } }
  b: { use: command, from: { x: { all: a, over: [other] } }, with: { run: "true" } }
`,
    [{ under: "other", says: "unknown axis of `a` `other`", expected: "seed" }],
  ],
  "a fan-in into an input that takes one": [
    `axes: { seed: [0, 1] }
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 }, seed: $seed } }
  cot: { use: distill, from: { data: { all: data } } }
`,
    [{ under: "data", says: "takes one artifact, not a fan-in", expected: "data: data" }],
  ],
  "a point-wise input where a fan-in is due": [
    `axes: { seed: [0, 1] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { seed: $seed } }
  e: { use: generate, from: { model: m, data: d }, with: { mode: end-to-end } }
  o: { use: generate, from: { model: m, data: d }, with: { mode: counterfactual } }
  s: { use: score, from: { data: d, end_to_end: e, counterfactual: o } }
  t: { use: summarize, from: { scores: s } }
`,
    [{ under: "s", says: "takes a fan-in", expected: "scores: { all: s }" }],
  ],
  "a key written twice": [
    `stages:
  a: { use: command, with: { run: "true" } }
  b: { use: command, with: { run: "true", run: "false" } }
  a: { use: command, with: { run: "false" } }
`,
    [
      { under: "run", says: "the key `run` is written twice", expected: "each key once" },
      { under: "a", says: "the key `a` is written twice" },
    ],
  ],
  "a tab as indentation": [
    `stages:\n\ta: { use: command, with: { run: "true" } }\n`,
    [{ under: " ", says: "a tab is used as indentation", expected: "spaces" }],
  ],
  "aliases that explode": [
    `stages:
  a:
    use: command
    with:
      run: "true"
      env:
        - &a [x, x, x, x, x, x, x, x, x, x]
        - &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
        - &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
        - &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
        - &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
        - &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
        - &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
        - &h [*g, *g, *g, *g, *g, *g, *g, *g, *g, *g]
`,
    [{ under: "*d", says: "expand to more than 100000 values" }],
  ],
  "an anchor that holds its own alias": [
    `stages: { a: &a { use: command, with: { run: "true", env: *a } } }`,
    [{ under: "*a", says: "stands inside its own anchor" }],
  ],
  "an alias without an anchor": [
    `stages: { a: { use: command, with: *nothing } }`,
    [{ under: "*nothing", says: "nothing" }],
  ],
  "an axis value of two that say the same": [
    `axes: { seed: [0, 1, 0] }\nstages: { a: { use: command, with: { run: "echo \${seed}" } } }`,
    [{ under: "0", says: "two values labelled `0`", expected: "a label of its own" }],
  ],
  "an axis value without a label": [
    `axes: { loss: [{ kind: token }] }\nstages: { a: { use: command, with: { run: "true" } } }`,
    [{ under: "{ kind: token }", says: "label" }],
  ],
  "an axis without values": [
    `axes: { seed: [] }\nstages: { a: { use: command, with: { run: "true" } } }`,
    [{ under: "[]", says: "`axes.seed`", expected: "at least 1" }],
  ],
  "more points than anybody can mean": [
    `axes:
  x: [${Array.from({ length: 1000 }, (_, index) => index).join(", ")}]
  y: [${Array.from({ length: 1000 }, (_, index) => index).join(", ")}]
  z: [${Array.from({ length: 1000 }, (_, index) => index).join(", ")}]
stages: { cube: { use: command, with: { run: "echo \${x} \${y} \${z}" } } }
`,
    [{ under: "cube", says: "1,000,000,000 points", expected: "at most" }],
  ],
  "a placeholder that names no input": [
    `stages:
  model: { use: command, with: { run: "true" } }
  b: { use: command, from: { model: model }, with: { run: [cat, "{in.modle}/x"] } }
`,
    [{ under: '"{in.modle}/x"', says: "unknown input `modle`", suggestion: "`model`" }],
  ],
  "names that are none": [
    `axes: { "a b": [1] }
stages:
  "x/y": { use: command, with: { run: "true" } }
  ok: { use: command, with: { run: "true" } }
  z: { use: command, from: { "../../x": ok }, with: { run: "true" } }
`,
    [
      { under: '"a b"', says: "a b", expected: "a name" },
      { under: '"x/y"', says: "x/y", expected: "a name" },
      { under: '"../../x"', says: "../../x", expected: "a name" },
    ],
  ],
  "keys that are none": [
    `axis: { seed: [0] }
stages: { a: { use: command, form: {}, with: { run: "true" } } }
`,
    [
      { under: "axis", says: "unknown key `axis`", suggestion: "`axes`" },
      { under: "form", says: "unknown key `form`", suggestion: "`from`" },
    ],
  ],
  "a number that is none": [
    `axes: { x: [.inf] }\nstages: { a: { use: command, with: { run: "\${x}" } } }`,
    [{ under: ".inf", says: "finite" }],
  ],
  "half a character": [
    `stages: { a: { use: command, with: { run: "x", env: { A: "\\ud800" } } } }`,
    [{ under: '"\\ud800"', says: "half a character" }],
  ],
  "a local file that is not there": [
    `stages: { a: { use: files, with: { path: nowhere/x.txt } } }`,
    [{ under: "nowhere/x.txt", says: "`nowhere/x.txt`, which does not exist" }],
  ],
};

interface Shown {
  readonly line: number;
  readonly col: number;
  readonly message: string;
  readonly under: string;
  readonly hints: string;
}

/** Reads a rendered diagnostic back: what a person sees. */
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

describe("refuses, and says why:", () => {
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
    "everything that is wrong at once, in the order of the file",
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
    "a mistake in --set and --axis, at the argument",
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
      const said = async (flag: string, edit: string) => {
        const [block = "", ...others] = await refused(rig, "e.yaml", flag, edit);
        assert.deepStrictEqual(others, []);
        const { under, message, hints } = readShown(block, flag);
        return [under, message, hints] as const;
      };
      const [steps, , expected] = await said("--set", "model.steps=many");
      assert.strictEqual(steps, "many");
      assert.include(expected, "number");
      const [name, message, hints] = await said("--set", "model.stepz=3");
      assert.strictEqual(name, "model.stepz");
      assert.include(message, "stepz");
      assert.include(hints, "`steps`");
      assert.strictEqual((await said("--set", "stages.model.use=sftt"))[0], "sftt");
      assert.strictEqual((await said("--set", "nonsense"))[0], "nonsense");
      assert.strictEqual((await said("--set", "model.steps=[1,"))[0], "[1,");
      assert.strictEqual((await said("--axis", "sed=1"))[0], "sed");
      const [value, , labels] = await said("--axis", "loss=lo,low");
      assert.strictEqual(value, "lo");
      assert.include(labels, "`low`");
      assert.strictEqual((await said("--axis", "seed=0,x"))[0], "x");
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
    "a file that is not there, and a directory",
    inRig(async (rig) => {
      const missing = await rig.pipe("run", "nowhere.yaml");
      assert.strictEqual(missing.code, 2);
      assert.include(missing.stderr, "there is no file nowhere.yaml");
      const directory = await rig.pipe("plan", ".");
      assert.strictEqual(directory.code, 2);
      assert.include(directory.stderr, "directory");
    }),
  );
});

describe("large, and right:", () => {
  it(
    "an axis of 50,000 points is a plan",
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
    "a sweep of 2,000 points through three stages and a fan-in is a plan, with a line of JSON each",
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
