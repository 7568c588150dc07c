/** Metrics of any program: `pipe init`, its sweep, the table and the figure of it, and what is refused. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import type { Measurements } from "../../kinds/MeasurementsFile.ts";
import { studentMean } from "../../stats/studentT.ts";
import { root } from "../rig/build.ts";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";

const succeeds = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<string> => {
  const { code, stdout, stderr } = await rig.pipe(...args);
  assert.strictEqual(code, 0, stderr);
  return stdout;
};

const measured = async (rig: Rig): Promise<Measurements> =>
  jsonLines(await succeeds(rig, "table", "--json"))[0]!["measurements"] as Measurements;

/** The experiment of README's section on any program. */
const example = (): string => {
  const [, section = ""] = fs
    .readFileSync(path.join(root, "README.md"), "utf8")
    .split("## Sweeps of any program");
  const [, text = ""] = /```yaml\n(.*?)```/su.exec(section) ?? [];
  return text;
};

describe("pipe init", () => {
  it(
    "writes an experiment that runs as it is, has a table and a figure, and is verified from its bundle",
    inRig(async (rig) => {
      rig.write(".gitignore", "node_modules");
      await succeeds(rig, "init");
      assert.strictEqual(rig.read(".gitignore"), "node_modules\n.pipe/\n");
      await succeeds(rig, "run", "experiment.yaml");
      const { metrics, rows, pooled } = await measured(rig);
      assert.deepStrictEqual([metrics, rows.length, pooled.length], [["loss"], 20, 5]);
      const values = rows.flatMap(({ labels, values }) =>
        labels["rate"] === "0.2" ? values["loss"]! : [],
      );
      const { n, mean, sd, interval } = studentMean(values);
      assert.deepStrictEqual(pooled.find(({ labels }) => labels["rate"] === "0.2")?.values, {
        loss: { n, mean: mean.value!, sd: sd.value, low: interval.low, high: interval.high },
      });
      const lines = (await succeeds(rig, "table", "--csv")).trimEnd().split("\r\n");
      assert.strictEqual(lines[0], "rate,seed,loss,loss_n,loss_sd,loss_low,loss_high");
      assert.lengthOf(lines, 1 + 20 + 5);

      await succeeds(rig, "report", "--to", "report.html");
      assert.match(
        rig.read("report.html"),
        /<figure>.*loss over rate\. Dots are means over seed/su,
      );

      const refused = await rig.pipe("bundle", "--to", "bundle.tar.gz");
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "no licence is stated for the files of `fit`");
      assert.include(refused.stderr, "--license fit=ID");
      await succeeds(rig, "bundle", "--to", "bundle.tar.gz", "--license", "fit=MIT");
      const verified = await succeeds(rig, "verify", "bundle.tar.gz");
      assert.match(verified, /ok {4}tabulate +1 node, \d+ values/u);
      assert.match(verified, /table\[rate=0\.05\]\/loss/u);
    }),
    // 30 processes, which a machine with other work gives little time
    400_000,
  );

  it(
    "overwrites nothing, and ignores the store once",
    inRig(async (rig) => {
      rig.write("fit.py", "mine");
      const refused = await rig.pipe("init");
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "fit.py is in . already; nothing was written");
      assert.isFalse(rig.has("experiment.yaml"));
      rig.write("new/.gitignore", "/.pipe\n");
      await succeeds(rig, "init", "new");
      assert.strictEqual(rig.read("new/.gitignore"), "/.pipe\n");
      assert.strictEqual(rig.read("fit.py"), "mine");
    }),
  );
});

describe("metrics of a command", () => {
  it(
    "make a table of README's example, which has five lines",
    inRig(async (rig) => {
      const text = example();
      assert.lengthOf(text.trimEnd().split("\n"), 5);
      rig.write("sweep.yaml", text);
      await succeeds(rig, "run", "sweep.yaml");
      const { metrics, rows, pooled } = await measured(rig);
      assert.deepStrictEqual([metrics, rows.length, pooled], [["bytes"], 20, []]);

      const table = (...args: ReadonlyArray<string>) => succeeds(rig, "table", ...args);
      const bytes = (csv: string) =>
        csv
          .trimEnd()
          .split("\r\n")
          .slice(1)
          .map((line) => Number(line.split(",")[2]));
      const largest = bytes(await table("--csv", "--where", "level=9", "--sort", "bytes"));
      assert.lengthOf(largest, 4);
      assert.deepStrictEqual(
        largest,
        largest.toSorted((one, other) => other - one),
      );
      const smallest = await table("--csv", "--where", "level=9", "--sort", "bytes:asc");
      assert.deepStrictEqual(bytes(smallest), largest.toReversed());
      const chosen = ["--where", "level=9", "--where", "lines=100"];
      const md = await table("--md", "--columns", "bytes", ...chosen);
      assert.match(
        md,
        /^\| level \| lines \| bytes \|\n\|---\|---\|---:\|\n\| 9 \| 100 \| \d+ \|\n$/u,
      );
      const latex = await table("--latex", ...chosen);
      assert.match(latex, /\\hline\nlevel & lines & bytes \\\\\n\\hline\n9 & 100 & \d+ \\\\\n/u);
      assert.match(await table(...chosen), /^packing-1 · table\nlevel {2}lines {2}bytes\n9/u);
      const refused = await rig.pipe("table", "--sort", "byte");
      assert.strictEqual(refused.code, 2);
      assert.include(refused.stderr, "did you mean `bytes`?");
    }),
  );

  for (const [what, text, message] of [
    ["are absent", "other.json", "{out}/result.json does not exist"],
    ["are a directory", "x; mkdir {out}/result.json", "{out}/result.json is not a file"],
    ["are no JSON", 'result.json; echo "{" > {out}/result.json', "is no JSON"],
    [
      "are no numbers",
      `result.json; echo '{"a": "x", "b": 1, "c": [1]}' > {out}/result.json`,
      "has values that are no finite numbers: `a`, `c`",
    ],
  ] as const)
    it(
      `fail the command where they ${what}`,
      inRig(async (rig) => {
        const run = JSON.stringify(`echo '{"a": 1}' > {out}/${text}`);
        rig.write(
          "e.yaml",
          `name: e\nstages: { a: { use: command, with: { run: ${run}, metrics: result.json } } }`,
        );
        const { code, stderr } = await rig.pipe("run", "e.yaml");
        assert.strictEqual(code, 1);
        assert.include(stderr, message);
        assert.include(stderr, "write one JSON object of numbers there");
      }),
    );

  it(
    "are missed before anything runs",
    inRig(async (rig) => {
      const stages = `a: { use: command, with: { run: "touch {out}/\${seed}" } }, t: { use: tabulate, from: { results: { all: a } } }`;
      rig.write("e.yaml", `name: e\naxes: { seed: [0, 1] }\nstages: { ${stages} }`);
      const { code, stderr } = await rig.pipe("plan", "e.yaml");
      assert.strictEqual(code, 2);
      assert.match(stderr, /^e\.yaml:3:\d+ error: `a\[seed=0\]` gives no metrics/u);
      assert.include(stderr, "metrics: result.json");
    }),
  );
});

describe("more metrics than figures hold", () => {
  it(
    "are all in the report's table, and the others are named",
    inRig(async (rig) => {
      const metrics = Array.from({ length: 18 }, (_, index) => `m${index}`);
      const numbers = JSON.stringify(Object.fromEntries(metrics.map((name) => [name, 1])));
      rig.write(
        "many.yaml",
        [
          "name: many",
          "axes: { size: [1, 2] }",
          "stages:",
          "  probe:",
          "    use: command",
          "    with:",
          `      run: printf '%s' '${numbers}' | sed 's/:1/:${"${size}"}/g' > {out}/result.json`,
          "      metrics: result.json",
          "  table: { use: tabulate, from: { results: { all: probe } } }",
        ].join("\n"),
      );
      await succeeds(rig, "run", "many.yaml");
      const omitted = "table: 2 metrics not drawn: m16, m17.";
      await succeeds(rig, "report", "--to", "report.html");
      const page = rig.read("report.html");
      for (const name of metrics) assert.include(page, `class="number">${name}</th>`);
      assert.include(page, omitted);
      assert.strictEqual(page.match(/<figcaption>table: /gu)?.length, 16);
      assert.include(page, 'data-copy="CSV">size,m0,m0_n');
      assert.include(await succeeds(rig, "figures", "--format", "svg"), omitted);
    }),
  );
});
