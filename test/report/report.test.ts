/** `pipe report`: one file, made of the run's events and artifacts alone. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { packed } from "../bundle/archives.ts";
import { makeBundle, smallBundle, smallSpec } from "../bundle/smallBundle.ts";
import { inCopies, inRig, jsonLines, type Rig } from "../rig/Rig.ts";

const inStudy = inCopies(async (rig) => {
  rig.write("small.yaml", smallSpec);
  await runStudy(rig);
});

const runStudy = async (rig: Rig, bundle = smallBundle()): Promise<void> => {
  const archive = await packed((await bundle).files, rig.directory);
  const { code, stderr } = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
  assert.strictEqual(code, 0, stderr);
};

const entities: Readonly<Record<string, string>> = {
  "&quot;": '"',
  "&#39;": "'",
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
};

const textOf = (html: string): string =>
  html.replace(/&(?:quot|#39|lt|gt|amp);/gu, (entity) => entities[entity]!);

describe("pipe report", () => {
  it(
    "shows the numbers of pipe table, in each of its forms",
    inStudy(async (rig) => {
      const { code, stdout, stderr } = await rig.pipe("report", "small-1");
      assert.strictEqual(code, 0, stderr);
      assert.match(stdout, /^small-1\.html: [\d.]+ [kM]B/u);
      const page = rig.read("small-1.html");
      const [, json = ""] = /data-copy="JSON">([^]*?)<\/pre>/u.exec(page) ?? [];
      const lines = jsonLines((await rig.pipe("table", "small-1", "--json")).stdout);
      const { table } = lines.find((line) => "table" in line) as {
        readonly table: {
          readonly rows: ReadonlyArray<{ readonly a: { readonly value: number } }>;
        };
      };
      assert.deepStrictEqual(JSON.parse(textOf(json)), table);
      for (const { a } of table.rows) assert.include(page, a.value.toFixed(3));
      for (const [form, flag] of [
        ["Markdown", "--md"],
        ["LaTeX", "--latex"],
        ["CSV", "--csv"],
      ] as const) {
        const copies = [...page.matchAll(new RegExp(`data-copy="${form}">([^]*?)</pre>`, "gu"))];
        const { stdout: printed } = await rig.pipe("table", "small-1", flag);
        const shown = copies.map(([, copy = ""]) => textOf(copy));
        assert.strictEqual(shown.join("\n"), printed.replaceAll("\r\n", "\n"));
      }
    }),
  );

  it(
    "gives the same bytes for the same run",
    inStudy(async (rig) => {
      await rig.pipe("report", "--to", "one.html");
      await rig.pipe("report", "--to", "other.html");
      assert.isTrue(rig.read("one.html") === rig.read("other.html"), "the bytes differ");
    }),
  );

  it(
    "begins with the question of the experiment, and ends with the tables by difficulty",
    inRig(async (rig) => {
      const scores = "scores: { all: scores }";
      const compared = "compare: { axis: model, baseline: weak }";
      const tables = [
        `  by_blanks: { use: summarize, from: { ${scores}, data: data }, with: { difficulty: [5], ${compared} } }`,
        `  plain: { use: summarize, from: { ${scores} } }`,
        `  asked: { use: summarize, from: { ${scores} }, with: { ${compared} } }`,
      ];
      const spec = smallSpec.replace(/^ {2}table: .*$/mu, tables.join("\n"));
      rig.write("small.yaml", spec);
      await runStudy(rig, makeBundle(spec));
      const { code, stderr } = await rig.pipe("report", "--to", "page.html");
      assert.strictEqual(code, 0, stderr);
      const shown = [...rig.read("page.html").matchAll(/<h3>(by_blanks|plain|asked)<\/h3>/gu)];
      assert.deepStrictEqual(
        shown.map(([, name]) => name),
        ["asked", "plain", "by_blanks"],
      );
    }),
  );

  it(
    "compares two runs, arm by arm",
    inStudy(async (rig) => {
      await runStudy(rig);
      const { code, stderr } = await rig.pipe("report", "small-1", "small-2", "--to", "both.html");
      assert.strictEqual(code, 0, stderr);
      assert.include(rig.read("both.html"), "From small-1 to small-2, no difference in a is shown");
    }),
  );

  it(
    "shows what failed, with the end of its log and the command that runs it again",
    inRig(async (rig) => {
      const script = JSON.stringify("echo the last words; exit 3");
      rig.write("e.yaml", `name: e\nstages: { bad: { use: command, with: { run: ${script} } } }\n`);
      const run = await rig.pipe("run", "e.yaml");
      assert.strictEqual(run.code, 1);
      assert.match(run.stderr, /report: npx pipe report e-1\n$/u);
      const { code, stderr } = await rig.pipe("report");
      assert.strictEqual(code, 0, stderr);
      const page = rig.read("e-1.html");
      assert.include(page, "The run failed: 0 of 1 result made, 1 node failed.");
      assert.include(page, "the last words");
      assert.include(page, "npx pipe run e.yaml --only bad");
      assert.include(page, "a bar for each attempt at a node, with a red mark");
    }),
  );

  it(
    "shows what a killed training has reported",
    inRig(async (rig) => {
      rig.write("start/config.json", '{ "model_type": "qwen3_vl" }');
      rig.write("start/model.safetensors", "\u0002\0\0\0\0\0\0\0{}");
      rig.write(
        "m.yaml",
        `name: m\nstages: { model: { use: pretrained, with: { path: start } } }\n`,
      );
      await rig.made("m.yaml");
      // A kill leaves the log without its end.
      const log = ".pipe/runs/m-1/events.jsonl";
      const begun = jsonLines(rig.read(log)).filter(({ _tag }) => String(_tag).endsWith("Started"));
      const at = begun[0]!["at"];
      const reports = [1, 2, 3].map((step) => ({
        _tag: "NodeMetrics",
        at,
        node: "model",
        step,
        values: { loss: 1 / step },
      }));
      const lines = [...begun, ...reports].map((line) => `${JSON.stringify(line)}\n`);
      rig.write(log, lines.join(""));
      const { code, stderr } = await rig.pipe("report");
      assert.strictEqual(code, 0, stderr);
      const page = rig.read("m-1.html");
      assert.include(page, "The run was killed: 0 of 1 result made.");
      assert.include(page, 'aria-label="loss over the steps of model"');
    }),
  );

  it(
    "is drawn as files for a paper, in the formats asked for",
    inStudy(async (rig) => {
      const { code, stdout, stderr } = await rig.pipe(
        "figures",
        "--format",
        "svg,png",
        "--to",
        "f",
      );
      assert.strictEqual(code, 0, stderr);
      assert.match(stdout, /^f\/table-accuracies\.svg: [\d.]+ kB$/mu);
      const files = fs.readdirSync(rig.path("f"));
      assert.include(files, "small-1-correlations-correlations.png");
      assert.isFalse(files.some((file) => file.endsWith(".pdf")));
      const other = await rig.pipe("figures", "--format", "svg,gif");
      assert.strictEqual(other.code, 2);
      assert.include(other.stderr, "gif");
    }),
  );

  it(
    "refuses an unknown run and a file that can't be written",
    inStudy(async (rig) => {
      const unknown = await rig.pipe("report", "smal-1");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "small-1");
      const lost = await rig.pipe("report", "--to", "no/such/folder.html");
      assert.strictEqual(lost.code, 2);
      assert.include(lost.stderr, "name another file with --to");
    }),
  );
});
