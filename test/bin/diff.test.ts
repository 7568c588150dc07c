/** `pipe diff`: changed settings, first differing nodes, and changed numbers of two runs. */
import { assert, describe, it } from "@effect/vitest";
import type { Table } from "../../kinds/TableFile.ts";
import { wilson } from "../../stats/wilson.ts";
import { inCopies, inRig, jsonLines, puppet, type Rig, waitFor } from "../rig/Rig.ts";

const spec = (size: string, does = "true") => `name: study
axes: { loss: [low, high] }
stages:
  data: { use: command, with: { env: { SIZE: "${size}" }, run: ${puppet("data", { value: "data $SIZE" })} } }
  model: { use: command, from: { data: data }, with: { run: ${puppet("model ${loss}", { does, value: "${loss} $(cat {in.data}/value)" })} } }
  table: { use: command, from: { models: { all: model } }, with: { run: ${puppet("table", { value: "$(cat {in.models}/*/value)" })} } }
`;

interface Diff {
  readonly old: { readonly state: string };
  readonly new: { readonly state: string };
  readonly spec: ReadonlyArray<{
    readonly path: ReadonlyArray<string | number>;
    readonly old?: { readonly value: unknown; readonly at: { readonly line: number } };
    readonly new?: { readonly value: unknown; readonly at: { readonly file: string } };
  }>;
  readonly first: ReadonlyArray<NodeLine>;
  readonly also: ReadonlyArray<NodeLine>;
  readonly follow: ReadonlyArray<NodeLine>;
  readonly unmade: ReadonlyArray<NodeLine>;
  readonly onlyOld: ReadonlyArray<string>;
  readonly onlyNew: ReadonlyArray<string>;
  readonly failures: { readonly new: Readonly<Record<string, string>> };
  readonly same: number;
}

interface NodeLine {
  readonly node: string;
  readonly own: ReadonlyArray<{ readonly _tag: string }>;
  readonly old?: string;
  readonly new?: string;
}

const diff = async (rig: Rig, one: string, other: string): Promise<Diff> => {
  const { code, stdout, stderr } = await rig.pipe("diff", "--json", one, other);
  assert.strictEqual(code, 0, stderr);
  return jsonLines(stdout)[0] as unknown as Diff;
};

const names = (nodes: ReadonlyArray<NodeLine>) => nodes.map(({ node }) => node);

const inMadeRig = inCopies(async (rig) => {
  rig.write("study.yaml", spec("300"));
  await rig.made("study.yaml");
});

describe("two runs", () => {
  it(
    "first differ at the changed setting; downstream nodes are counted, not listed as causes",
    inMadeRig(async (rig) => {
      rig.write("study.yaml", spec("500"));
      await rig.made("study.yaml");
      const found = await diff(rig, "study-1", "study-2");
      assert.deepStrictEqual(
        found.spec.map(({ path, old, new: now }) => [path.join("."), old?.value, now?.value]),
        [["stages.data.with.env.SIZE", "300", "500"]],
      );
      assert.strictEqual(found.spec[0]?.old?.at.line, 4);
      assert.deepStrictEqual(names(found.first), ["data"]);
      assert.deepStrictEqual(names(found.follow), ["model[loss=low]", "model[loss=high]", "table"]);
      const { stdout } = await rig.pipe("diff", "study-1", "latest");
      assert.match(stdout, /^study-1 → study-2 \(done → done\)$/mu);
      assert.match(stdout, /^ {2}stages\.data\.with\.env\.SIZE "300" → "500" \(4:\d+ → 4:\d+\)$/mu);
      assert.match(stdout, /^first differing nodes\n {2}data +env\.SIZE "300" → "500"/mu);
      assert.include(stdout, "downstream, 3 changed results: 2 × model, table");
    }),
  );

  it(
    "of the same experiment have equal settings and results",
    inMadeRig(async (rig) => {
      rig.write("study.yaml", `# a comment\n${spec("300")}`);
      await rig.made("study.yaml");
      const found = await diff(rig, "study-1", "study-2");
      assert.deepStrictEqual([found.spec, found.first, found.follow], [[], [], []]);
      assert.strictEqual(found.same, 4);
      assert.include((await rig.pipe("diff", "study-1", "study-2")).stdout, "same settings");
    }),
  );

  it(
    "with overrides: the place is the override, and points can be in one run only",
    inMadeRig(async (rig) => {
      await rig.made("study.yaml", "--axis", "loss=low,top,high", "--set", "data.env.SIZE='1'");
      const found = await diff(rig, "study-1", "study-2");
      assert.deepStrictEqual(
        found.spec.map(({ path, new: now }) => [path.join("."), now?.value, now?.at.file]),
        [
          ["axes.loss.1", "top", "--axis"],
          ["stages.data.with.env.SIZE", "1", "--set"],
        ],
      );
      assert.deepStrictEqual([found.onlyOld, found.onlyNew], [[], ["model[loss=top]"]]);
    }),
  );

  it(
    "first differ at an edited stage with the same result, and nowhere downstream",
    inMadeRig(async (rig) => {
      rig.write("study.yaml", spec("300").replace('"echo \\"data\\"', '"true; echo \\"data\\"'));
      assert.deepStrictEqual(await rig.made("study.yaml"), ["data"]);
      const found = await diff(rig, "study-1", "study-2");
      assert.deepStrictEqual(names(found.first), ["data"]);
      assert.deepStrictEqual(found.follow, []);
      assert.strictEqual(found.first[0]?.old, found.first[0]?.new);
      assert.include((await rig.pipe("diff", "study-1", "study-2")).stdout, "; same result");
    }),
  );

  it(
    "of which one failed or was killed",
    inMadeRig(async (rig) => {
      rig.write("study.yaml", spec("300", "exit 3"));
      assert.strictEqual((await rig.pipe("run", "study.yaml", "-k")).code, 1);
      const failed = await diff(rig, "study-1", "study-2");
      assert.strictEqual(failed.new.state, "failed");
      assert.deepStrictEqual(names(failed.first), ["model[loss=low]", "model[loss=high]"]);
      assert.deepStrictEqual(names(failed.unmade).toSorted(), [
        "model[loss=high]",
        "model[loss=low]",
        "table",
      ]);
      assert.include(failed.failures.new["model[loss=low]"], "exit code 3");
      rig.write("study.yaml", spec("300", waitFor("never")));
      const { child, ended } = rig.start(["run", "study.yaml"]);
      await rig.until("the models runs", () => rig.calls.length >= 7);
      child.kill("SIGKILL");
      await ended;
      const killed = await diff(rig, "study-1", "study-3");
      assert.strictEqual(killed.new.state, "killed");
      assert.deepStrictEqual(names(killed.first), ["model[loss=low]", "model[loss=high]"]);
      assert.strictEqual(killed.same, 1);
    }),
  );

  it(
    "must both exist",
    inMadeRig(async (rig) => {
      const { code, stderr } = await rig.pipe("diff", "study-1", "study-7");
      assert.strictEqual(code, 2);
      assert.include(stderr, "study-1");
    }),
  );
});

/** A table of one row; `right` of 500 answers are right. */
const numbers = (right: number, perceived: number): string => {
  const row: Table["rows"][number] = {
    labels: { loss: "token" },
    points: 1,
    a: wilson(right, 500),
    a_p: wilson(perceived, 500),
    a_r: null,
    perception_f1: 0.9,
    reasons: {},
  };
  const table: Table = {
    format: 1,
    models: [],
    interval: "Wilson 95 %",
    axes: ["loss"],
    pooledOver: [],
    rows: [row],
    pooled: [],
  };
  return JSON.stringify(table);
};

it(
  "numbers of tables are compared, each difference with its interval",
  inRig(async (rig) => {
    rig.write(
      "study.yaml",
      'name: study\nstages: { table: { use: command, with: { sources: [numbers.json], run: "cp numbers.json {out}/table.json" } } }\n',
    );
    for (const run of ["study-1", "study-2"]) {
      rig.write("numbers.json", run === "study-1" ? numbers(200, 100) : numbers(260, 105));
      assert.strictEqual((await rig.pipe("run", "study.yaml")).code, 0);
      // A puppet can only make the file, so the run's plan is edited to call it a table.
      const file = `.pipe/runs/${run}/plan.json`;
      rig.write(file, rig.read(file).replace('"kind":"files"', '"kind":"table"'));
    }
    const { code, stdout } = await rig.pipe("diff", "study-1", "study-2");
    assert.strictEqual(code, 0);
    assert.match(
      stdout,
      /loss=token +a +0\.400 \[0\.358, 0\.444\] n 500 +0\.520 \[0\.476, 0\.563\] n 500 +\+0\.120 \[\+0\.058, \+0\.180\]$/mu,
    );
    assert.match(stdout, /a_p .+\+0\.010 \[-0\.0\d+, \+0\.0\d+\] {2}within noise$/mu);
    const [found] = jsonLines((await rig.pipe("diff", "--json", "study-1", "study-2")).stdout);
    const tables = found?.["tables"] as ReadonlyArray<{ readonly node: string }> | undefined;
    assert.strictEqual(tables?.[0]?.node, "table");
  }),
);
