/** The nodes that a run makes or reuses: every kind of edit, and the calls that follow. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { inCopies, inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

interface Parts {
  readonly name?: string;
  readonly loss?: string;
  readonly seed?: string;
  readonly data?: string;
  readonly model?: string;
  readonly table?: string;
}

const stageLines = ({ data, model, table }: Parts) => ({
  data: `  data: { use: command, with: { run: ${data ?? puppet("data")} } }`,
  model: `  model: { use: command, from: { data: data }, with: { run: ${model ?? puppet("model ${loss} ${seed}")} } }`,
  pool: `  pool: { use: command, from: { models: { all: model, over: [seed] } }, with: { run: ${puppet("pool", { value: "$(cat {in.models}/*/value)" })} } }`,
  table: `  table: { use: command, from: { pools: { all: pool } }, with: { run: ${table ?? puppet("table", { value: "$(cat {in.pools}/*/value)" })} } }`,
});

/** data → model[loss,seed] → pool[loss] (over the seeds) → table (over the losses). */
const spec = (parts: Parts = {}): string => {
  const { data, model, pool, table } = stageLines(parts);
  const axes = `axes:\n  loss: ${parts.loss ?? "[0.3, 0.9]"}\n  seed: ${parts.seed ?? "[0, 1]"}`;
  return [`name: ${parts.name ?? "study"}`, axes, "stages:", data, model, pool, table, ""].join(
    "\n",
  );
};

const everything = [
  "data",
  "model 0.3 0",
  "model 0.3 1",
  "model 0.9 0",
  "model 0.9 1",
  "pool",
  "pool",
  "table",
];

/** A rig after one run; shared nodes were made once for all points. */
const inMadeRig = inCopies(async (rig) => {
  rig.write("study.yaml", spec());
  assert.deepStrictEqual(await rig.made("study.yaml"), everything);
});

const remade = async (rig: Rig, text: string): Promise<ReadonlyArray<string>> => {
  rig.write("study.yaml", text);
  return rig.made("study.yaml");
};

describe("runs nothing", () => {
  it(
    "the second time",
    inMadeRig(async (rig) => {
      assert.deepStrictEqual(await rig.made("study.yaml"), []);
      assert.deepStrictEqual(await rig.due("study.yaml"), []);
    }),
  );

  it(
    "after edits that change no settings: comments, order, name, description, places, jobs",
    inMadeRig(async (rig) => {
      const { data, model, pool, table } = stageLines({});
      const reordered = `# a comment
description: other words
stages:
${table}   # the table first
${pool}
${model}
${data}
axes:
  seed: [0, 1]
  loss:
    - 0.3
    - 0.9
name: renamed
`;
      rig.write("elsewhere/other.yaml", reordered);
      assert.deepStrictEqual(await rig.made("elsewhere/other.yaml", "--jobs", "1"), []);
    }),
  );

  it(
    "after a default was written out, or a time limit set",
    inMadeRig(async (rig) => {
      const text = spec().replace(
        'with: { run: "echo \\"data',
        'with: { sources: [], env: {}, timeout: 1 minute, run: "echo \\"data',
      );
      assert.include(text, "timeout");
      assert.deepStrictEqual(await remade(rig, text), []);
    }),
  );

  it(
    "after an edit was undone",
    inMadeRig(async (rig) => {
      await remade(rig, spec({ loss: "[0.4, 0.9]", table: puppet("other table") }));
      assert.deepStrictEqual(await remade(rig, spec()), []);
    }),
  );

  it(
    "in another experiment with equal settings",
    inMadeRig(async (rig) => {
      assert.deepStrictEqual(await remade(rig, spec({ name: "other", loss: "[0.9]" })), ["table"]);
    }),
  );
});

describe("runs what an edit affects, and nothing else:", () => {
  it(
    "one value of an axis: that point and its downstream nodes",
    inMadeRig(async (rig) => {
      const made = await remade(rig, spec({ loss: "[0.4, 0.9]" }));
      assert.deepStrictEqual(made, ["model 0.4 0", "model 0.4 1", "pool", "table"]);
    }),
  );

  it(
    "a new value of an axis: the new points and the fan-ins over them",
    inMadeRig(async (rig) => {
      const made = await remade(rig, spec({ loss: "[0.3, 0.5, 0.9]" }));
      assert.deepStrictEqual(made, ["model 0.5 0", "model 0.5 1", "pool", "table"]);
    }),
  );

  it(
    "one param: that stage and its downstream nodes",
    inMadeRig(async (rig) => {
      assert.deepStrictEqual(await remade(rig, spec({ table: puppet("new table") })), [
        "new table",
      ]);
    }),
  );

  it(
    "a param added, and a param removed",
    inMadeRig(async (rig) => {
      const withEnv = spec().replace("with: { run:", "with: { env: { A: b }, run:");
      // the result is equal, so downstream nodes stay cached
      assert.deepStrictEqual(await remade(rig, withEnv), ["data"]);
      fs.rmSync(rig.path(".pipe"), { recursive: true });
      await rig.made("study.yaml");
      assert.deepStrictEqual(await remade(rig, spec()), ["data"]);
    }),
  );

  it(
    "the stage that an input comes from",
    inMadeRig(async (rig) => {
      const rewired = spec().replace("pools: { all: pool }", "pools: { all: model }");
      assert.deepStrictEqual(await remade(rig, rewired), ["table"]);
    }),
  );
});

it(
  "renaming a label reruns the fan-ins that see it and no other stage",
  inRig(async (rig) => {
    const labelled = (label: string) => `name: labels
axes:
  loss: [{ label: ${label}, L: "3" }, { label: high, L: "9" }]
stages:
  model: { use: command, with: { env: $loss, run: ${puppet("model $L")} } }
  next: { use: command, from: { model: model }, with: { run: ${puppet("next $(cat {in.model}/value)")} } }
  table: { use: command, from: { all: { all: next } }, with: { run: ${puppet("table")} } }
`;
    rig.write("e.yaml", labelled("low"));
    const first = ["model 3", "model 9", "next model 3", "next model 9", "table"];
    assert.deepStrictEqual(await rig.made("e.yaml"), first);
    rig.write("e.yaml", labelled("tiny"));
    assert.deepStrictEqual(await rig.made("e.yaml"), ["table"]);
  }),
);

it(
  "early cut-off: when an edited stage gives the same result, its downstream nodes are cached in the same run",
  inMadeRig(async (rig) => {
    const text = spec({ data: puppet("data again", { value: "data" }) });
    rig.write("study.yaml", text);
    assert.deepStrictEqual(await rig.due("study.yaml"), [
      "run data",
      ...["0.3,seed=0", "0.3,seed=1", "0.9,seed=0", "0.9,seed=1"].map(
        (point) => `may-run model[loss=${point}]`,
      ),
      "may-run pool[loss=0.3]",
      "may-run pool[loss=0.9]",
      "may-run table",
    ]);
    const { stdout } = await rig.pipe("run", "--json", "study.yaml");
    assert.deepStrictEqual(rig.newCalls(), ["data again"]);
    const reused = jsonLines(stdout).filter((event) => event["_tag"] === "NodeReused");
    assert.deepStrictEqual([...new Set(reused.map((event) => event["found"]))], ["content"]);
    assert.strictEqual(reused.length, 7);
    // and from now on the recipe key finds it
    assert.deepStrictEqual(await rig.due("study.yaml"), []);
  }),
);

it(
  "two points with equal settings are made once",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e
axes: { x: [{ label: one, A: a }, { label: two, A: a }] }
stages:
  s: { use: command, with: { env: $x, run: ${puppet("s")} } }
  t: { use: command, from: { s: { all: s } }, with: { run: ${puppet("t")} } }
`,
    );
    assert.deepStrictEqual(await rig.made("e.yaml", "--jobs", "4"), ["s", "t"]);
  }),
);

describe("local files", () => {
  it(
    "named as sources count by their content, not by their times",
    inRig(async (rig) => {
      rig.write("code/script.sh", "echo first");
      rig.write("code/lib/part.sh", "echo part");
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { sources: [code], run: ${puppet("a", { value: "$(sh code/script.sh)" })} } }
`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      const later = new Date(Date.now() + 60_000);
      fs.utimesSync(rig.path("code/script.sh"), later, later);
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      rig.write("code/lib/part.sh", "echo other");
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      rig.write("code/lib/part.sh", "echo part");
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      fs.chmodSync(rig.path("code/script.sh"), 0o755);
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      fs.renameSync(rig.path("code/lib/part.sh"), rig.path("code/lib/renamed.sh"));
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
    }),
  );

  it(
    "named as one file count by their mode, too",
    inRig(async (rig) => {
      rig.write("tool", "#!/bin/sh\necho did");
      const run = puppet("a", { value: "$(./tool || echo could not)" });
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { sources: [tool], run: ${run} } } }\n`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      fs.chmodSync(rig.path("tool"), 0o755);
      assert.deepStrictEqual(await rig.made("e.yaml", "-j2"), ["a"]);
      assert.strictEqual((await rig.filesOf("a"))["value"], "did\n");
    }),
  );

  it(
    "imported by `files` count by their content, not their path",
    inRig(async (rig) => {
      rig.write("in/words.txt", "one");
      const text = (where: string) => `name: e
stages:
  words: { use: files, with: { path: ${where} } }
  a: { use: command, from: { words: words }, with: { run: ${puppet("a", { value: "$(cat {in.words}/words.txt)" })} } }
`;
      rig.write("e.yaml", text("in"));
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      assert.deepStrictEqual(await rig.filesOf("words"), { "words.txt": "one" });
      rig.write("e.yaml", text("in/words.txt"));
      assert.deepStrictEqual(await rig.made("e.yaml"), []);
      rig.write("in/words.txt", "two");
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a"]);
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "two\n" });
    }),
  );

  it(
    "that change while a stage reads them fail it",
    inRig(async (rig) => {
      rig.write("code.sh", "echo first");
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { sources: [code.sh], run: ${puppet("a", { does: "while ! [ -e go ]; do sleep 0.02; done", value: "$(sh code.sh)" })} } }
`,
      );
      const { ended } = rig.start(["run", "e.yaml"]);
      await rig.until("the stage runs", () => rig.calls.length === 1);
      rig.write("code.sh", "echo second");
      rig.write("go", "");
      const { code, stderr } = await ended;
      assert.strictEqual(code, 1, stderr);
      assert.include(stderr, "code.sh");
      rig.write("code.sh", "echo first");
      assert.strictEqual((await rig.pipe("run", "e.yaml")).code, 0);
      assert.deepStrictEqual(await rig.filesOf("a"), { value: "first\n" });
    }),
  );
});

describe("overrides count as edits of the experiment", () => {
  it(
    "--set of a whole path and of a stage's param",
    inMadeRig(async (rig) => {
      const run = JSON.parse(puppet("set table")) as string;
      assert.deepStrictEqual(
        await rig.made("study.yaml", "--set", `table.run=${JSON.stringify(run)}`),
        ["set table"],
      );
      const long = ["--set", `stages.table.with.run=${JSON.stringify(run)}`];
      assert.deepStrictEqual(await rig.made("study.yaml", ...long), []);
      assert.deepStrictEqual(await rig.made("study.yaml", "--set", "axes.loss.0=0.7"), [
        "model 0.7 0",
        "model 0.7 1",
        "pool",
        "table",
      ]);
      assert.deepStrictEqual(await rig.made("study.yaml", "--set", "name=renamed"), []);
    }),
  );

  it(
    "--axis by value: fewer points, and new ones",
    inMadeRig(async (rig) => {
      assert.deepStrictEqual(await rig.made("study.yaml", "--axis", "loss=0.9"), ["table"]);
      const made = await rig.made("study.yaml", "--axis", "loss=0.9", "--axis", "seed=0,1,2");
      assert.deepStrictEqual(made, ["model 0.9 2", "pool", "table"]);
    }),
  );

  it(
    "--axis by label",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
axes: { loss: [{ label: λ=0.3, L: "3" }, { label: high, L: "9" }] }
stages: { model: { use: command, with: { env: $loss, run: ${puppet("model $L")} } } }
`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml", "--axis", "loss=λ=0.3"), ["model 3"]);
      assert.deepStrictEqual(await rig.made("e.yaml"), ["model 9"]);
    }),
  );
});

describe("the store", () => {
  it(
    "without an artifact's files: that node is made again, and downstream results stay",
    inMadeRig(async (rig) => {
      const { stdout } = await rig.pipe("show", "--json", "data");
      const { directory } = JSON.parse(stdout) as { readonly directory: string };
      fs.rmSync(directory, { recursive: true });
      assert.deepStrictEqual(await rig.made("study.yaml"), ["data"]);
      assert.deepStrictEqual(await rig.made("study.yaml"), []);
    }),
  );

  it(
    "reuses results of an artifact that is lost and can't be made again",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e
stages:
  a: { use: command, with: { run: ${puppet("a", { does: "[ ! -e broken ] || exit 1" })} } }
  b: { use: command, from: { a: a }, with: { run: ${puppet("b")} } }
`,
      );
      assert.deepStrictEqual(await rig.made("e.yaml"), ["a", "b"]);
      const { stdout } = await rig.pipe("show", "--json", "a");
      fs.rmSync((JSON.parse(stdout) as { readonly directory: string }).directory, {
        recursive: true,
      });
      rig.write("broken", "");
      const again = await rig.pipe("run", "e.yaml", "--json", "-k");
      assert.strictEqual(again.code, 1);
      const end = jsonLines(again.stdout).at(-1);
      assert.deepInclude(end, { reused: 1, failed: 1, skipped: 0 });
    }),
  );

  it(
    "elsewhere (PIPE_HOME) is another store",
    inMadeRig(async (rig) => {
      const { ended } = rig.start(["run", "study.yaml"], { PIPE_HOME: rig.path("other") });
      assert.strictEqual((await ended).code, 0);
      assert.deepStrictEqual(rig.newCalls(), everything);
      assert.isTrue(rig.has("other/actions"));
    }),
  );
});
