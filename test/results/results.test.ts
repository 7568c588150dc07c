/** The pages under docs/results: made from a store or from their own tables, and refused with a reason. */
import { assert, describe, it } from "@effect/vitest";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { afterAll, beforeAll } from "vitest";
import { splitOfExample } from "../../kinds/Dataset.ts";
import { splitNames } from "../../tasks/split.ts";
import { root } from "../rig/build.ts";
import { drawnInstances } from "./drawnInstances.ts";
import { jsonLines, Rig } from "../rig/Rig.ts";

const minutes = 60_000;

const experiment = `
name: tiny
axes:
  steps: [20, 60]
  seed: [0, 1]
stages:
  data:
    use: render
    with:
      task: { kind: graph-coloring, vertices: 3 }
      image: { size: 32, color: false }
      splits: { train_sft: 40, test: 30 }
  cot:    { use: distill,   from: { data: data } }
  model:  { use: sft,       from: { data: cot }, with: { steps: $steps, batch: 8 } }
  e2e:    { use: generate,  from: { model: model, data: data }, with: { mode: end-to-end, temperature: 1, seed: $seed } }
  oracle: { use: generate,  from: { model: model, data: data }, with: { mode: counterfactual } }
  scores: { use: score,     from: { data: data, end_to_end: e2e, counterfactual: oracle } }
  table:  { use: summarize, from: { scores: { all: scores } } }
  sampled: { use: files, with: { path: "rollouts/\${seed}" } }
  correlations: { use: correlate, from: { rollouts: { all: sampled } }, with: { resamples: 200 } }
`;

const study = `
arms:
  steps: { axis: steps }
differences:
  longer: { arms: steps, baseline: "20" }
tables:
  steps: { show: accuracies, arms: steps }
  differences: { show: differences, differences: longer }
  correlations: { show: correlations }
figures:
  accuracies: { show: accuracies, arms: steps, x: training steps, log: true, apart: false }
  differences: { show: differences, differences: longer }
  correlations: { show: correlations }
  training: { show: curves, axis: steps, values: { loss: the loss } }
`;

const markers = [
  "table: steps",
  "table: differences",
  "table: correlations",
  "figure: accuracies",
  "figure: differences",
  "figure: correlations",
  "figure: training",
];

const rollouts = (groups: number): string =>
  Array.from({ length: groups * 4 }, (_, index) => {
    const [group, sample] = [Math.floor(index / 4), index % 4];
    const [consistent, perception] = [sample < 2, sample % 2 === 0];
    const outcome = sample === group % 4 ? !consistent : consistent;
    const about = { step: 0, mode: "end-to-end", response: "", tokens: 1, advantage: null };
    const scored = { outcome, perception, consistent, perception_f1: 1, reason: null };
    const rewards = { outcome: Number(outcome), teacher: Number(perception) };
    return `${JSON.stringify({ id: `p${group}`, group, sample, ...about, ...scored, rewards })}\n`;
  }).join("");

let rig: Rig;

const results = async (...args: ReadonlyArray<string>) => {
  const main = path.join(root, "scripts/results.ts");
  const env = { ...process.env, PIPE_HOME: rig.path(".pipe") };
  try {
    const node = path.join(root, "node_modules/.bin/node");
    const { stderr } = await promisify(execFile)(node, [main, ...args], {
      env,
      cwd: rig.directory,
    });
    return { code: 0, stderr };
  } catch (error) {
    return error as { readonly code: number; readonly stderr: string };
  }
};

/** A hand-written page in its own folder. */
const pageIn = (folder: string, { described = study, without = "" } = {}): string => {
  rig.write(`${folder}/tiny/study.yaml`, described);
  const blocks = markers.filter((marker) => marker !== without);
  const text = blocks.map((marker) => `By hand.\n<!-- ${marker} -->\n<!-- end -->\n`).join("");
  rig.write(`${folder}/tiny/README.md`, `# Tiny\n${text}`);
  return rig.path(folder);
};

const filesIn = (directory: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    fs
      .readdirSync(directory)
      .map((file) => [file, fs.readFileSync(path.join(directory, file)).toString("base64")]),
  );

const packed = (file: string) =>
  jsonLines(zlib.gunzipSync(fs.readFileSync(rig.path(file))).toString());

const removeAll = (directory: string, name: string): number => {
  const found = fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => path.basename(file) === name);
  for (const file of found) fs.rmSync(path.join(directory, file), { force: true });
  return found.length;
};

describe("a page of results", () => {
  beforeAll(async () => {
    rig = new Rig();
    rig.write("tiny.yaml", experiment);
    rig.write("rollouts/0/rollouts.jsonl", rollouts(30));
    rig.write("rollouts/1/rollouts.jsonl", rollouts(26));
    const { code, stderr } = await rig.pipe("run", "tiny.yaml");
    assert.strictEqual(code, 0, stderr);
    // A store that came from elsewhere, without weights and pictures.
    assert.strictEqual(removeAll(rig.path(".pipe/trees"), "model.safetensors"), 2);
    for (const split of ["test", "train_sft"])
      removeAll(rig.path(".pipe/trees"), `${split}-00000-of-00001.parquet`);
    const made = await results("tiny", "--to", pageIn("one"));
    assert.strictEqual(made.code, 0, made.stderr);
  }, 10 * minutes);

  afterAll(() => rig.close());

  it("has the numbers of `pipe table`, every example behind them, and every rollout", async () => {
    const said = jsonLines((await rig.pipe("table", "--json")).stdout);
    for (const numbers of said)
      assert.deepStrictEqual(
        JSON.parse(rig.read(`one/tiny/${String(numbers["node"])}.json`)),
        numbers,
      );

    const { table } = said.find(({ node }) => node === "table") as {
      readonly table: { readonly rows: ReadonlyArray<Record<string, unknown>> };
    };
    const examples = packed("one/tiny/table.scores.jsonl.gz");
    assert.strictEqual(examples.length, 2 * 2 * 30);
    for (const { labels, a, a_p, a_r } of table.rows) {
      const own = examples.filter(
        (each) => JSON.stringify(each["labels"]) === JSON.stringify(labels),
      );
      for (const [metric, proportion] of Object.entries({ a, a_p, a_r }))
        assert.deepInclude(proportion, {
          n: own.length,
          successes: own.filter((each) => each[metric] === 1).length,
        });
    }

    const lines = packed("one/tiny/correlations.rollouts.jsonl.gz");
    const times = lines.reduce((sum, line) => sum + Number(line["times"]), 0);
    assert.strictEqual(times, (30 + 26) * 4);
    assert.deepInclude(lines[0], { id: "p0", group: 0, rewards: { outcome: 0, teacher: 1 } });
    assert.isTrue(packed("one/tiny/model.curves.jsonl.gz").length > 4);
  });

  it("keeps hand-written text and names the models", () => {
    const readme = rig.read("one/tiny/README.md");
    assert.strictEqual(readme.match(/^By hand\.$/gmu)?.length, markers.length);
    const captions = readme.split("\n").filter((line) => line.startsWith("MICRO Qwen3-VL"));
    assert.strictEqual(captions.filter((line) => /n = 30 .*2 seeds/u.test(line)).length, 4);
    const knowing = captions.filter((line) =>
      line.includes("95 % intervals are over seeds and instances"),
    );
    assert.strictEqual(knowing.length, 2);
    assert.match(readme, /^\| 20 \| 0\.\d{3} \[0\.\d{3}, /mu);
    assert.match(readme, /^\| outcome \| reasoning, own caption \| 0 \| 0\.50 \[/mu);
    const instances = packed("one/tiny/table.instances.jsonl.gz");
    assert.strictEqual(instances.length, 30);
    const distinct = new Set(instances.map(({ instance }) => instance)).size;
    assert.include(readme, `n = 30 examples of ${distinct} distinct instances, 2 seeds`);
    const below = (figure: string) =>
      readme.slice(readme.indexOf(`](${figure}.svg)`)).split("\n", 3)[2] ?? "";
    // Panels with scales of their own are those of `apart`, and of metrics with other units.
    for (const figure of ["accuracies", "differences", "correlations", "training"])
      assert.notInclude(below(figure), "different scales");
    for (const figure of ["accuracies", "differences", "correlations", "training"]) {
      assert.include(readme, `](${figure}.svg)`);
      assert.match(rig.read(`one/tiny/${figure}.svg`), /^<svg [^>]*>.*<\/svg>\n$/su);
    }
  });

  it("is byte for byte the same from the store and from its own tables", async () => {
    const first = filesIn(rig.path("one/tiny"));
    assert.strictEqual((await results("tiny", "--to", pageIn("two"))).code, 0);
    assert.deepStrictEqual(filesIn(rig.path("two/tiny")), first);
    const { code, stderr } = await results("tiny", "--tables", "--to", rig.path("two"));
    assert.strictEqual(code, 0, stderr);
    assert.deepStrictEqual(filesIn(rig.path("two/tiny")), first);
  });

  it("names the models of the arms alone where `models` says which", async () => {
    const page = pageIn("models", {
      described: study.replace("{ axis: steps }", "{ axis: steps, models: InternVL }"),
    });
    for (const file of fs.readdirSync(rig.path("one/tiny")).filter((each) => /json|gz/u.test(each)))
      fs.copyFileSync(rig.path("one/tiny", file), rig.path("models/tiny", file));
    const file = "models/tiny/table.json";
    const numbers = JSON.parse(rig.read(file)) as { table: { models: Array<string> } };
    numbers.table.models.push("MICRO InternVL");
    rig.write(file, JSON.stringify(numbers));
    const { code, stderr } = await results("tiny", "--tables", "--to", page);
    assert.strictEqual(code, 0, stderr);
    const captions = rig
      .read("models/tiny/README.md")
      .split("\n")
      .filter((line) => line.startsWith("MICRO"));
    // Two tables and three figures of the arms; correlations have models of their own.
    assert.deepStrictEqual(
      captions.map((line) => line.split(". ")[0]),
      Array.from({ length: 5 }, () => "MICRO InternVL"),
    );
  });

  it("says after how many steps each value is first above a level, and which is first", async () => {
    rig.write(
      "passes/tiny/study.yaml",
      `
arms: { steps: { axis: steps } }
tables:
  order: { show: passes, axis: steps, values: { p: seeing, r: reasoning }, levels: [0.5, 0.8], about: Invented }
`,
    );
    rig.write("passes/tiny/README.md", "<!-- table: order -->\n<!-- end -->\n");
    fs.copyFileSync(rig.path("one/tiny/table.json"), rig.path("passes/tiny/table.json"));
    const at = (steps: string, seed: string, step: number, p: number, r: number) =>
      JSON.stringify({ labels: { steps, seed }, step, values: { p, r } });
    // A value on the level is not above it, a later fall changes nothing, and a step without measurements is passed over.
    const lines = [
      at("20", "0", 10, 0.5, 0.1),
      at("20", "0", 20, 0.7, 0.6),
      at("20", "1", 10, 0.2, 0.6),
      at("20", "1", 20, 0.6, 0.4),
      JSON.stringify({ labels: { steps: "60", seed: "0" }, step: 5, values: {} }),
      at("60", "0", 10, 0.9, 0.1),
      at("60", "1", 10, 0.1, 0.1),
    ];
    fs.writeFileSync(
      rig.path("passes/tiny/model.curves.jsonl.gz"),
      zlib.gzipSync(`${lines.join("\n")}\n`),
    );
    const { code, stderr } = await results("tiny", "--tables", "--to", rig.path("passes"));
    assert.strictEqual(code, 0, stderr);
    const rows = rig
      .read("passes/tiny/README.md")
      .split("\n")
      .filter((line) => line.startsWith("| "));
    assert.deepStrictEqual(rows, [
      "| level | training | first step of seeing above it, by seed (0, 1) | first step of reasoning above it, by seed (0, 1) | first, by seed |",
      "| --- | --- | --- | --- | --- |",
      "| 0.5 | steps = 20 | 20 20 | 20 10 | seeing and reasoning, reasoning |",
      "| 0.5 | steps = 60 | 10 – | – – | seeing, – |",
      "| 0.8 | steps = 20 | – – | – – | –, – |",
      "| 0.8 | steps = 60 | 10 – | – – | seeing, – |",
    ]);
  });

  it("subtracts one training from the others, as means over steps, seed by seed", async () => {
    rig.write(
      "along/tiny/study.yaml",
      `
arms: { steps: { axis: steps } }
tables:
  along: { show: curve-differences, axis: steps, baseline: "20", values: { p: seeing }, steps: [[1, 2], [2, 2]], about: Invented }
`,
    );
    rig.write("along/tiny/README.md", "<!-- table: along -->\n<!-- end -->\n");
    fs.copyFileSync(rig.path("one/tiny/table.json"), rig.path("along/tiny/table.json"));
    const at = (steps: string, seed: string, step: number, p: number) =>
      JSON.stringify({ labels: { steps, seed }, step, values: { p } });
    // Seed 2 of one arm alone and step 3 count nowhere.
    const lines = [
      ...["0", "1"].flatMap((seed) => [at("20", seed, 1, 0.25), at("20", seed, 2, 0.25)]),
      ...["0", "1"].flatMap((seed) => [
        at("60", seed, 1, 0.75),
        at("60", seed, 2, 0.5 + Number(seed) / 4),
      ]),
      at("60", "2", 1, 0),
      at("60", "2", 2, 0),
      at("60", "0", 3, 0),
    ];
    fs.writeFileSync(
      rig.path("along/tiny/model.curves.jsonl.gz"),
      zlib.gzipSync(`${lines.join("\n")}\n`),
    );
    const made = () => results("tiny", "--tables", "--to", rig.path("along"));
    const { code, stderr } = await made();
    assert.strictEqual(code, 0, stderr);
    // Student's t of one degree of freedom is 12.706: the half-width of two seeds' mean is 12.706 times half their distance.
    assert.include(
      rig.read("along/tiny/README.md"),
      "| steps = 60 | seeing | +0.438 [−0.357, +1.232] | +0.375 [−1.213, +1.963] |",
    );
    rig.write(
      "along/tiny/study.yaml",
      rig.read("along/tiny/study.yaml").replace("[2, 2]", "[4, 5]"),
    );
    assert.include((await made()).stderr, "has no p in steps 4 to 5");
  });

  it("changes its figure with a number in its tables", async () => {
    fs.cpSync(rig.path("one"), rig.path("three"), { recursive: true });
    const file = "three/tiny/table.json";
    const altered = JSON.parse(rig.read(file)) as {
      table: { rows: Array<{ a: { value: number } }> };
    };
    altered.table.rows[0]!.a.value += 0.1;
    rig.write(file, JSON.stringify(altered));
    assert.strictEqual((await results("tiny", "--tables", "--to", rig.path("three"))).code, 0);
    assert.notStrictEqual(
      rig.read("three/tiny/accuracies.svg"),
      rig.read("one/tiny/accuracies.svg"),
    );
  });

  it("is refused with a fix if a marker, an arm, an axis or a run is missing", async () => {
    const refused = async (message: string, of: Parameters<typeof pageIn>[1], name = "tiny") => {
      const page = pageIn("refused", of);
      for (const file of fs
        .readdirSync(rig.path("one/tiny"))
        .filter((file) => /json|gz/u.test(file)))
        fs.copyFileSync(rig.path("one/tiny", file), rig.path("refused/tiny", file));
      const source = name === "tiny" ? ["--tables"] : [];
      const { code, stderr } = await results(name, ...source, "--to", page);
      assert.strictEqual(code, 1);
      assert.include(stderr, message);
    };
    await refused("README.md has no `<!-- figure: accuracies -->`", {
      without: "figure: accuracies",
    });
    const baseline = study.replace('baseline: "20"', "baseline: none");
    await refused("there is no arm `none`; there is 20, 60", { described: baseline });
    const axis = study.replace("axis: steps }\ndiff", "axis: seed }\ndiff");
    await refused("also has the axis steps: choose its label with `where`", { described: axis });
    const rewards = study.replace(
      "correlations }\n  training",
      "correlations, rewards: [start] }\n  training",
    );
    await refused("has no correlations of the reward `start`", { described: rewards });
    const models = study.replace("{ axis: steps }", "{ axis: steps, models: InternVL }");
    await refused("has no model `InternVL`, but MICRO Qwen3-VL", { described: models });
    await refused("alpha", { described: `${study}alpha: 1\n` });
    rig.write("refused/other/study.yaml", "{}");
    rig.write("refused/other/README.md", "");
    await refused("has no run of `other`", {}, "other");
    const { stderr } = await results("another", "--to", rig.path("refused"));
    assert.include(stderr, "another/study.yaml is missing: it is written by hand");
  });

  it("is refused if bytes in the store changed", async () => {
    const scores = (await rig.pipe("show", "--json", "scores[steps=20,seed=0]")).stdout;
    const { directory } = JSON.parse(scores) as { readonly directory: string };
    const file = path.join(directory, "scores.jsonl");
    const text = fs.readFileSync(file, "utf8");
    fs.chmodSync(file, 0o644);
    fs.writeFileSync(file, text.replace('"outcome":false', '"outcome":true '));
    const { code, stderr } = await results("tiny", "--to", pageIn("altered"));
    assert.strictEqual(code, 1);
    assert.include(stderr, "differs from the stored file");
    fs.writeFileSync(file, text);
  });
});

describe("the existing pages", () => {
  const pages = path.join(root, "docs/results");
  const studies = fs
    .readdirSync(pages, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

  beforeAll(async () => {
    rig = new Rig();
    fs.cpSync(pages, rig.path("pages"), { recursive: true });
    const { code, stderr } = await results(...studies, "--tables", "--to", rig.path("pages"));
    assert.strictEqual(code, 0, stderr);
  }, 10 * minutes);

  afterAll(() => rig.close());

  it("name the instances that `render` draws for the study's split", () => {
    for (const study of studies)
      for (const file of fs.readdirSync(path.join(pages, study))) {
        if (!file.endsWith(".instances.jsonl.gz")) continue;
        const lines = jsonLines(
          zlib.gunzipSync(fs.readFileSync(path.join(pages, study, file))).toString(),
        );
        const named = splitOfExample(String(lines[0]?.["id"]));
        const split = splitNames.find((each) => each === named) ?? assert.fail(file);
        const drawn = drawnInstances(study, split, lines.length);
        const said = lines.map(({ id, instance }) => ({ id, instance }));
        const expected = [...drawn].map(([id, { instance }]) => ({ id, instance }));
        assert.deepStrictEqual<unknown>(said, expected, `${study}/${file}`);
      }
  });

  for (const study of studies)
    it(`${study} is what its tables make of it`, () =>
      assert.deepStrictEqual(filesIn(rig.path("pages", study)), filesIn(path.join(pages, study))));
});
