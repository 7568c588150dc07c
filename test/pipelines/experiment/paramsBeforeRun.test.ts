/** Errors in params that are found before anything runs, with their places. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { compile } from "../../../pipelines/experiment/Compile.ts";
import { Source } from "../../../pipelines/experiment/Source.ts";
import { root } from "../../rig/build.ts";
import { stages } from "../../../stages/stages.ts";
import { inRig } from "../../rig/Rig.ts";

/** Each as line:column, the text there, and the message. */
const diagnosticsOf = (text: string): ReadonlyArray<string> =>
  compile(new Source("e.yaml", text), { set: [], axis: [] }, stages).diagnostics.map(
    ({ at, message }) => {
      const written = at?.text.slice(at.col - 1, at.col - 1 + at.length);
      return `${at?.line}:${at?.col} ${written}: ${message}`;
    },
  );

describe("a range whose first value exceeds its last", () => {
  const steps = (range: string) => `name: e
axes:
  from: [5, 9]
stages:
  r: { use: files, with: { path: "r\${from}" } }
  c: { use: correlate, from: { rollouts: { all: r } }, with: { steps: ${range} } }
`;

  it("of steps to correlate is refused at its place, also on an axis", () => {
    assert.deepStrictEqual(diagnosticsOf(steps("{ first: 8, last: 8 }")), []);
    assert.deepStrictEqual(diagnosticsOf(steps("{ first: 9, last: 8 }")), [
      "6:80 9: the range of steps 9 to 8 is empty",
    ]);
    assert.deepStrictEqual(diagnosticsOf(steps("{ first: $from, last: 8 }")), [
      "3:13 9: the range of steps 9 to 8 is empty",
    ]);
  });

  it("of a task is refused at its place", () => {
    const task = (params: string) => `name: e
stages:
  d: { use: render, with: { task: { ${params} }, splits: { test: 1 } } }
`;
    const graph = "kind: graph-coloring, vertices: 4";
    assert.deepStrictEqual(diagnosticsOf(task("kind: sudoku, size: 4, blanks: [3, 3]")), []);
    assert.deepStrictEqual(diagnosticsOf(task("kind: sudoku, size: 4, blanks: 3")), []);
    assert.deepStrictEqual(diagnosticsOf(task(graph)), []);
    assert.deepStrictEqual(diagnosticsOf(task("kind: sudoku, size: 4, blanks: [6, 3]")), [
      "3:69 6: the least number of blanks, 6, is above the greatest, 3",
    ]);
    assert.deepStrictEqual(diagnosticsOf(task(`${graph}, edges: [5, 2]`)), [
      "3:80 5: the least number of edges, 5, is above the greatest, 2",
    ]);
  });
});

describe("a value beyond its range", () => {
  it("is refused at its place", () => {
    const render = (task: string, seed: string) => `name: e
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: ${task} }, splits: { test: 1 }, seed: ${seed} } }
`;
    assert.deepStrictEqual(diagnosticsOf(render("12", "0")), []);
    assert.deepStrictEqual(diagnosticsOf(render("[5, 50]", "0")), [
      "3:72 50: a 4x4 Sudoku with one solution has at most 12 blanks, not 50",
    ]);
    assert.deepStrictEqual(diagnosticsOf(render("6", "-1")), [
      "3:100 -1: `seed` of stage `d` is -1",
    ]);
  });
});

describe("fewer prompts than a training needs", () => {
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
  rows: { use: command, with: { run: "echo \${rows} > {out}/rows" } }
`;

  const taken = "a stream uses each picture once: 24 in 4 steps of 2 waves of 3 prompts, and";

  it("are refused with both numbers, at every point concerned", () => {
    assert.deepStrictEqual(diagnosticsOf(study()), []);
    assert.deepStrictEqual(diagnosticsOf(study({ rows: "23" })), [
      `16:22 stream: ${taken} \`data\` renders 23 of \`train_rl\``,
    ]);
    assert.deepStrictEqual(diagnosticsOf(study({ rows: "$rows" })), [
      `16:22 stream: ${taken} \`data[rows=23]\` renders 23 of \`train_rl\``,
    ]);
    assert.deepStrictEqual(diagnosticsOf(study({ rows: "23" }).replace("stream", "split")), []);
    const none = "`data` renders no split `validation`";
    assert.deepStrictEqual(diagnosticsOf(study({ grpo: "split: validation," })), [
      `16:68 validation: ${none}`,
    ]);
    const sampled = "  said: { use: rollout, from: { model: start, data: data } }\n";
    assert.match(diagnosticsOf(study() + sampled)[0] ?? "", /renders no split `validation`$/u);
  });

  it("are refused where the task has fewer instances and draws each in one way", () => {
    const few = { image: "{ size: 32 }", task: "vertices: 3" };
    assert.deepStrictEqual(diagnosticsOf(study(few)), [
      `16:22 stream: ${taken} \`data\` has at most 8 different ones: its task has no more instances, and each always has the same picture`,
    ]);
    for (const image of ["{ noise: 0.1 }", "{ jitter: 0.1 }", "{ rotation: 5 }"])
      assert.deepStrictEqual(diagnosticsOf(study({ ...few, image })), []);
    assert.deepStrictEqual(
      diagnosticsOf(study({ ...few, task: "vertices: 3, layout: force" })),
      [],
    );
    assert.deepStrictEqual(diagnosticsOf(study({ ...few, task: "vertices: [3, 4]" })), []);
  });

  it(
    "are refused by the command line before anything starts",
    inRig(async (rig) => {
      rig.write("e.yaml", study({ rows: "23" }));
      const { code, stderr } = await rig.pipe("run", "e.yaml");
      assert.strictEqual(code, 2);
      assert.match(stderr, /e\.yaml:16:22 error: a stream uses each picture once: 24 in 4 steps/u);
      assert.match(stderr, /`splits: \{ train_rl: 24 \}` in `data`, at most 3 steps/u);
      assert.isFalse(fs.existsSync(rig.path(".pipe")));
    }),
  );

  it("do not occur in any experiment of the repository", () => {
    const directory = path.join(root, "experiments");
    const files = fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"));
    assert.isAbove(files.length, 3);
    for (const file of files)
      assert.deepStrictEqual(
        diagnosticsOf(fs.readFileSync(path.join(directory, file), "utf8")),
        [],
        file,
      );
  });
});
