/** What can be told of params before anything runs, at the place where it is written. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { compile } from "../../pipelines/Compile.ts";
import { Source } from "../../pipelines/Source.ts";
import { root } from "../rig/build.ts";
import { stages } from "../../stages/stages.ts";
import { mostInstances } from "../../tasks/space.ts";
import { splitInstance } from "../../tasks/split.ts";
import { TaskParams, tasks } from "../../tasks/tasks.ts";
import { inRig } from "../rig/Rig.ts";

/** Each as line:column, what is there, and the message. */
const said = (text: string): ReadonlyArray<string> =>
  compile(new Source("e.yaml", text), { set: [], axis: [] }, stages).diagnostics.map(
    ({ at, message }) => {
      const written = at?.text.slice(at.col - 1, at.col - 1 + at.length);
      return `${at?.line}:${at?.col} ${written}: ${message}`;
    },
  );

describe("a range whose first is above its last", () => {
  const steps = (range: string) => `name: e
axes:
  from: [5, 9]
stages:
  r: { use: files, with: { path: r } }
  c: { use: correlate, from: { rollouts: { all: r } }, with: { steps: ${range} } }
`;

  it("of steps to correlate is refused where it is written, on an axis too", () => {
    assert.deepStrictEqual(said(steps("{ first: 8, last: 8 }")), []);
    assert.deepStrictEqual(said(steps("{ first: 9, last: 8 }")), [
      "6:80 9: there are no steps from 9 to 8",
    ]);
    assert.deepStrictEqual(said(steps("{ first: $from, last: 8 }")), [
      "3:13 9: there are no steps from 9 to 8",
    ]);
  });

  it("of a task is refused where it is written", () => {
    const task = (params: string) => `name: e
stages:
  d: { use: render, with: { task: { ${params} }, splits: { test: 1 } } }
`;
    const graph = "kind: graph-coloring, vertices: 4";
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: [3, 3]")), []);
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: 3")), []);
    assert.deepStrictEqual(said(task(graph)), []);
    assert.deepStrictEqual(said(task("kind: sudoku, size: 4, blanks: [6, 3]")), [
      "3:69 6: there are no blanks from 6 to 3",
    ]);
    assert.deepStrictEqual(said(task(`${graph}, edges: [5, 2]`)), [
      "3:80 5: there are no edges from 5 to 2",
    ]);
  });
});

describe("prompts that are fewer than a training takes", () => {
  const study = ({ rows = "24", image = "{ noise: 0.1 }", task = "vertices: 5", grpo = "" } = {}) =>
    `name: e
axes:
  rows: [24, 23]
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, ${task} }
      image: ${image}
      splits: { train_sft: 10, train_rl: ${rows} }
  cot:   { use: distill, from: { data: data } }
  start: { use: sft, from: { data: cot }, with: { steps: 1 } }
  model:
    use: grpo
    from: { model: start, data: data }
    with: { prompts: stream, steps: 4, prompts_per_step: 3, ${grpo} dynamic_sampling: { kind: refill, waves: 2 } }
`;

  const taken =
    "a stream takes each picture once, 24 of them in 4 steps of 2 waves of 3 prompts, and";

  it("are refused with the numbers, at every point where they are too few", () => {
    assert.deepStrictEqual(said(study()), []);
    assert.deepStrictEqual(said(study({ rows: "23" })), [
      `16:22 stream: ${taken} \`data\` renders 23 of \`train_rl\``,
    ]);
    assert.deepStrictEqual(said(study({ rows: "$rows" })), [
      `16:22 stream: ${taken} \`data[rows=23]\` renders 23 of \`train_rl\``,
    ]);
    assert.deepStrictEqual(said(study({ rows: "23" }).replace("stream", "split")), []);
    const none = "`data` renders no split `validation`";
    assert.deepStrictEqual(said(study({ grpo: "split: validation," })), [
      `16:68 validation: ${none}`,
    ]);
    const sampled = "  said: { use: rollout, from: { model: start, data: data } }\n";
    assert.match(said(study() + sampled)[0] ?? "", /renders no split `validation`$/u);
  });

  it("are refused where the task has fewer instances and each is always drawn alike", () => {
    const few = { image: "{ size: 32 }", task: "vertices: 3" };
    assert.deepStrictEqual(said(study(few)), [
      `16:22 stream: ${taken} \`data\` has at most 8 different ones, as its task has no more instances and each is always drawn alike`,
    ]);
    for (const image of ["{ noise: 0.1 }", "{ jitter: 0.1 }", "{ rotation: 5 }"])
      assert.deepStrictEqual(said(study({ ...few, image })), []);
    assert.deepStrictEqual(said(study({ ...few, task: "vertices: 3, layout: force" })), []);
    assert.deepStrictEqual(said(study({ ...few, task: "vertices: [3, 4]" })), []);
  });

  it(
    "are refused by the command line before anything starts",
    inRig(async (rig) => {
      rig.write("e.yaml", study({ rows: "23" }));
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 2);
      assert.match(stderr, /e\.yaml:16:22 error: a stream takes each picture once, 24 of them/u);
      assert.match(stderr, /`splits: \{ train_rl: 24 \}` in `data`, at most 3 steps/u);
      assert.isFalse(fs.existsSync(rig.path(".pipe")));
    }),
  );

  it("no experiment that is here has too few", () => {
    const directory = path.join(root, "experiments");
    const files = fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"));
    assert.isAbove(files.length, 3);
    for (const file of files)
      assert.deepStrictEqual(said(fs.readFileSync(path.join(directory, file), "utf8")), [], file);
  });
});

describe("a task has at most as many instances as are said", () => {
  const decode = Schema.decodeUnknownSync(TaskParams);
  const found = (params: TaskParams, draws: number): number => {
    const task = tasks[params.kind];
    const identities = Array.from({ length: draws }, (_, index) =>
      task.identity(splitInstance(task, params, 0, "train_rl", index).truth),
    );
    return new Set(identities).size;
  };

  it("and where all may be drawn, as many as that", () => {
    const graph = { kind: "graph-coloring" };
    for (const [task, most] of [
      [{ ...graph, vertices: 2 }, 2],
      [{ ...graph, vertices: [3, 3, 4] }, 8 + 64],
      [{ ...graph, vertices: 4, edges: [1, 2] }, 6 + 15],
      [{ ...graph, vertices: 4, edges: [5, 190] }, 6 + 1],
      [{ kind: "sudoku", size: 4, blanks: 1 }, 288 * 16],
      [{ kind: "sudoku", size: 4, blanks: [1, 2] }, 288 * (16 + 120)],
    ] as const) {
      const params = decode(task);
      assert.strictEqual(mostInstances(params), most);
      assert.isAtMost(found(params, 2000), most);
    }
    // The splits share them out.
    const indices = Array.from({ length: 4000 }, (_, index) => index);
    const params = decode({ ...graph, vertices: 3 });
    const task = tasks[params.kind];
    const every = (["test", "train_rl", "validation"] as const).flatMap((split) =>
      indices.map((index) => task.identity(splitInstance(task, params, 0, split, index).truth)),
    );
    assert.strictEqual(new Set(every).size, mostInstances(params));
  });
});
