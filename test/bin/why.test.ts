/** Causes of due nodes in `pipe why` and `pipe plan`, which write nothing. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import { Absences } from "../../cache/Absences.ts";
import { inCopies, inRig, jsonLines, puppet, type Rig } from "../rig/Rig.ts";

/** words → data → mid → model[loss] → table; `source.txt` is read by data. */
const spec = (
  edit: { readonly size?: string; readonly loss?: string; readonly name?: string } = {},
) =>
  `name: ${edit.name ?? "study"}
axes:
  loss: ${edit.loss ?? "[low, high]"}
stages:
  words:
    use: files
    with: { path: words.txt }
  data:
    use: command
    from: { words: words }
    with:
      env: { SIZE: "${edit.size ?? "300"}" }
      sources: [source.txt]
      run: ${puppet("data", { value: "data $SIZE $(cat source.txt) $(cat {in.words}/words.txt)" })}
  mid:
    use: command
    from: { data: data }
    with: { run: ${puppet("mid", { value: "mid $(cat {in.data}/value)" })} }
  model:
    use: command
    from: { mid: mid }
    with: { env: { LOSS: $loss }, run: ${puppet("model $LOSS", { value: "$LOSS $(cat {in.mid}/value)" })} }
  table:
    use: command
    from: { models: { all: model } }
    with: { run: ${puppet("table", { value: "$(cat {in.models}/*/value)" })} }
`;

const inMadeRig = inCopies(async (rig) => {
  rig.write("words.txt", "a");
  rig.write("source.txt", "b");
  rig.write("study.yaml", spec());
  await rig.made("study.yaml");
});

interface CauseLine {
  readonly node: string;
  readonly _tag: string;
  readonly text: string;
  readonly nearest?: string;
  readonly at: { readonly file: string; readonly line: number; readonly col: number };
  readonly way?: ReadonlyArray<{ readonly node: string; readonly input?: string }>;
  readonly against?: { readonly run: string; readonly node: string };
}

interface WhyLine {
  readonly node: string;
  readonly status: string;
  readonly causes?: ReadonlyArray<CauseLine>;
  readonly made?: { readonly run: string; readonly node: string; readonly found: string };
  readonly predictedSeconds?: number | null;
  readonly lastFailure?: { readonly run: string } | null;
  readonly predictedRange?: readonly [number, number] | null;
}

const why = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<ReadonlyArray<WhyLine>> => {
  const { code, stdout, stderr } = await rig.pipe("why", "--json", ...args);
  assert.strictEqual(code, 0, stderr);
  return jsonLines(stdout) as unknown as ReadonlyArray<WhyLine>;
};

const firstOf = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<WhyLine> =>
  (await why(rig, ...args))[0] ?? assert.fail("no answer");

/** The causes of a due node, as `node: text`. */
const causesOf = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const line = await firstOf(rig, ...args);
  return (line.causes ?? []).map(({ node, text }) => `${node}: ${text}`);
};

const planLines = async (rig: Rig, ...args: ReadonlyArray<string>) => {
  const { stdout } = await rig.pipe("plan", "--json", ...args);
  return jsonLines(stdout) as unknown as ReadonlyArray<WhyLine>;
};

const positionOf = (text: string, part: string): string => {
  const lines = text.slice(0, text.indexOf(part)).split("\n");
  return `study.yaml:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
};

describe("the root cause has the old value, the new one and its place", () => {
  it(
    "for an edited param, three stages upstream",
    inMadeRig(async (rig) => {
      const text = spec({ size: "500" });
      rig.write("study.yaml", text);
      const place = positionOf(text, '"500"');
      const cause = `data: env.SIZE "300" → "500" (${place})`;
      for (const node of ["data", "mid", "model[loss=low]", "table"])
        assert.deepStrictEqual(await causesOf(rig, "study.yaml", node), [cause]);
      const line = await firstOf(rig, "study.yaml", "table");
      assert.strictEqual(line.status, "may-run");
      assert.deepStrictEqual(line.causes?.[0]?.way, [
        { node: "data" },
        { node: "mid", input: "data" },
        { node: "model[loss=low]", input: "mid" },
        { node: "table", input: "models" },
      ]);
      assert.deepInclude(line.causes?.[0]?.against, { run: "study-1", node: "data" });
      const { stdout } = await rig.pipe("why", "study.yaml", "table");
      assert.match(stdout, /^table: pending\n {2}data: env\.SIZE "300" → "500"/u);
      assert.include(stdout, "reaches mid → model[loss=low] → table");
      assert.include(stdout, "compared with data of study, made in run study-1");
    }),
  );

  it(
    "for --set, with the override as place",
    inMadeRig(async (rig) => {
      const set = ["--set", "data.env.SIZE='500'"];
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "mid", ...set), [
        `data: env.SIZE "300" → "500" (--set data.env.SIZE='500')`,
      ]);
    }),
  );

  it(
    "for an axis value, in the file and by --axis; an unchanged value is no cause",
    inMadeRig(async (rig) => {
      const text = spec({ loss: "[low, higher]" });
      rig.write("study.yaml", text);
      const cause = `model[loss=higher]: env.LOSS high → higher (${positionOf(text, "higher")})`;
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "model[loss=higher]"), [cause]);
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "table"), [cause]);
      assert.strictEqual((await firstOf(rig, "study.yaml", "model[loss=low]")).status, "cached");
      rig.write("study.yaml", spec());
      const axis = ["--axis", "loss=low,top"];
      const [ofTop, ...others] = await causesOf(rig, "study.yaml", "model[loss=top]", ...axis);
      assert.deepStrictEqual(others, []);
      // Both points that were made are as near, and either may have ended last.
      const wanted = /^model\[loss=top\]: env\.LOSS (?:low|high) → top \(--axis loss=low,top\)$/u;
      assert.match(ofTop ?? "", wanted);
    }),
  );

  it(
    "for an axis value whose label is in a longer text: the place of the value, not of the text",
    inRig(async (rig) => {
      const text = (loss: string) =>
        `name: study\naxes: { loss: [${loss}] }\nstages:\n  model: { use: command, with: { run: ${puppet("model ${loss}")} } }\n`;
      rig.write("study.yaml", text("low"));
      await rig.made("study.yaml");
      rig.write("study.yaml", text("other"));
      const [cause] = await causesOf(rig, "study.yaml", "model");
      assert.include(cause, `(${positionOf(text("other"), "other")})`);
    }),
  );

  it(
    "for a param that was added or removed: with the default where there is one",
    inRig(async (rig) => {
      const text = (seed: string) => `name: study
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { train_sft: 2, test: 2 }${seed} } }
  next: { use: command, from: { data: data }, with: { run: ${puppet("next")} } }
`;
      rig.write("study.yaml", text(", seed: 3"));
      await rig.made("study.yaml");
      rig.write("study.yaml", text(""));
      assert.match(
        (await causesOf(rig, "study.yaml", "next"))[0] ?? "",
        /seed 3 → 0 \(the default\)/u,
      );
      await rig.made("study.yaml");
      assert.deepStrictEqual(await rig.due("study.yaml", "--set", "data.seed=0"), []);
      const [cause] = await causesOf(rig, "study.yaml", "data", "--set", "data.seed=9");
      assert.match(cause ?? "", /seed (?:3|0 \(the default\)) → 9 \(--set data\.seed=9\)/u);
    }),
  );

  it(
    "for an edited source and an edited imported file",
    inMadeRig(async (rig) => {
      rig.write("source.txt", "other");
      const [source] = await causesOf(rig, "study.yaml", "table");
      const place = positionOf(spec(), "source.txt");
      assert.match(source ?? "", /^data: the content of source\.txt [0-9a-f]{12} → [0-9a-f]{12} /u);
      assert.include(source, `(${place})`);
      rig.write("source.txt", "b");
      rig.write("words.txt", "other");
      const [words] = await causesOf(rig, "study.yaml", "table");
      assert.match(words ?? "", /^words: the content of words\.txt /u);
    }),
  );

  it(
    "for an input that is made already: the cause upstream, not the changed input",
    inMadeRig(async (rig) => {
      const text = spec({ size: "500" });
      rig.write("study.yaml", text);
      await rig.made("study.yaml", "--only", "mid");
      const line = await firstOf(rig, "study.yaml", "model[loss=low]");
      assert.strictEqual(line.status, "run");
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "table"), [
        `data: env.SIZE "300" → "500" (${positionOf(text, '"500"')})`,
      ]);
      assert.deepStrictEqual(
        line.causes?.[0]?.way?.map(({ node }) => node),
        ["data", "mid", "model[loss=low]"],
      );
    }),
  );

  it(
    "for an input wired to another stage",
    inMadeRig(async (rig) => {
      const rewired = spec().replace("from: { mid: mid }", "from: { mid: words }");
      rig.write("study.yaml", rewired.replaceAll("{in.mid}/value", "{in.mid}/words.txt"));
      const line = await firstOf(rig, "study.yaml", "model[loss=low]");
      const found = line.causes?.find(({ _tag }) => _tag === "Rewired");
      assert.include(found?.text, "the input mid comes from mid → words");
    }),
  );

  it(
    "for an added or removed point",
    inMadeRig(async (rig) => {
      const more = ["--axis", "loss=low,high,top"];
      const { stdout } = await rig.pipe("plan", "study.yaml", ...more);
      assert.match(
        stdout,
        /model\[loss=top\] .*new, nearest to model\[loss=(?:low|high)\]: env\.LOSS/u,
      );
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "table", "--axis", "loss=low"), [
        `table: loss=high was removed from the input models (${positionOf(spec(), "table:")})`,
      ]);
    }),
  );

  it(
    "for other values by --axis: new points, where the same values in the file are an edit",
    inMadeRig(async (rig) => {
      const reasonOf = async (node: string, ...axis: ReadonlyArray<string>) => {
        const { stdout } = await rig.pipe("plan", "study.yaml", ...axis);
        return stdout.split("\n").find((line) => line.includes(` ${node} `)) ?? stdout;
      };
      const axis = ["--axis", "loss=top"];
      assert.match(
        await reasonOf("model[loss=top]", ...axis),
        /new, nearest to model\[loss=(?:low|high)\]: env\.LOSS (?:low|high) → top \(--axis/u,
      );
      assert.include(await reasonOf("table", "--axis", "loss=low,top"), " model[loss=top] is new");
      const lines = await planLines(rig, "study.yaml", ...axis);
      const line = lines.find(({ node }) => node === "model[loss=top]");
      assert.match(line?.causes?.[0]?.nearest ?? "", /^model\[loss=(?:low|high)\]$/u);
      rig.write("study.yaml", spec({ loss: "[low, top]" }));
      const edited = await reasonOf("model[loss=top]");
      assert.include(edited, "env.LOSS high → top");
      assert.notInclude(edited, "new");
      assert.include(await reasonOf("table"), "model: env.LOSS high → top");
    }),
  );

  it(
    "for a copy under another name: compared with the nearest action of its stage",
    inMadeRig(async (rig) => {
      const text = spec({ name: "copy", size: "500" });
      rig.write("study.yaml", text);
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "table"), [
        `data: env.SIZE "300" → "500" (${positionOf(text, '"500"')})`,
      ]);
    }),
  );
});

describe("without an edit the cause is that", () => {
  it(
    "the stage never ran",
    inRig(async (rig) => {
      rig.write("words.txt", "a");
      rig.write("source.txt", "b");
      rig.write("study.yaml", spec());
      const line = await firstOf(rig, "study.yaml", "words");
      assert.deepStrictEqual(
        line.causes?.map(({ _tag }) => _tag),
        ["First"],
      );
      assert.isFalse(rig.has(".pipe"));
    }),
  );

  it(
    "forced",
    inMadeRig(async (rig) => {
      const force = ["--force", "data"];
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "data", ...force), ["data: forced"]);
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "table", ...force), [
        "data: forced",
      ]);
    }),
  );

  it(
    "an artifact is missing or damaged",
    inMadeRig(async (rig) => {
      const { stdout } = await rig.pipe("show", "--json", "data");
      const { directory } = JSON.parse(stdout) as { readonly directory: string };
      fs.chmodSync(`${directory}/value`, 0o644);
      fs.writeFileSync(`${directory}/value`, "tampered with");
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "data"), [
        "data: its files are damaged",
      ]);
      fs.rmSync(directory, { recursive: true });
      assert.deepStrictEqual(await causesOf(rig, "study.yaml", "data"), [
        "data: its files are gone from the store",
      ]);
      assert.strictEqual((await firstOf(rig, "study.yaml", "mid")).status, "cached");
    }),
  );
});

it(
  "a collected artifact is due only for a due node, which is named",
  inMadeRig(async (rig) => {
    const { stdout } = await rig.pipe("show", "--json", "data");
    const { directory, artifact } = JSON.parse(stdout) as {
      readonly directory: string;
      readonly artifact: { readonly digest: string };
    };
    fs.rmSync(directory, { recursive: true });
    new Absences(rig.path(".pipe")).mark(artifact.digest, "collected");
    assert.strictEqual((await firstOf(rig, "study.yaml", "data")).status, "cached");
    const edit = ["--set", "mid.env.NEW=x"];
    assert.deepStrictEqual(await causesOf(rig, "study.yaml", "data", ...edit), [
      "data: its files were collected, and mid needs them",
    ]);
    assert.deepStrictEqual(await causesOf(rig, "study.yaml", "mid", ...edit), [
      `mid: env {} (the default) → {"NEW":"x"} (--set mid.env.NEW=x)`,
    ]);
  }),
);

it(
  "a different result without a change is reported as such",
  inRig(async (rig) => {
    rig.write(
      "e.yaml",
      `name: e
stages:
  dice: { use: command, with: { run: ${puppet("dice", { value: "$(wc -l < calls)" })} } }
  next: { use: command, from: { dice: dice }, with: { run: ${puppet("next")} } }
`,
    );
    await rig.made("e.yaml");
    await rig.made("e.yaml", "--force", "dice", "--only", "dice");
    const { status, causes } = await firstOf(rig, "e.yaml", "next");
    assert.strictEqual(status, "run");
    assert.deepStrictEqual(
      causes?.map(({ node, _tag }) => [node, _tag]),
      [["dice", "CameOutDifferently"]],
    );
    assert.deepInclude(causes?.[0]?.against, { run: "e-1", node: "dice" });
  }),
);

it(
  "after an early cut-off nothing is due; the node was found by content, and its maker is named",
  inMadeRig(async (rig) => {
    const text = spec().replace('"echo \\"mid\\"', '": again; echo \\"mid\\"');
    assert.notStrictEqual(text, spec());
    rig.write("study.yaml", text);
    assert.deepStrictEqual(await rig.made("study.yaml"), ["mid"]);
    const mid = await firstOf(rig, "study.yaml", "mid");
    assert.deepInclude(mid.made, { run: "study-2", node: "mid", found: "recipe" });
    const model = await firstOf(rig, "study.yaml", "model[loss=low]");
    assert.strictEqual(model.status, "cached");
    assert.deepInclude(model.made, { run: "study-1", node: "model[loss=low]", found: "content" });
    const { stdout } = await rig.pipe("why", "study.yaml", "model");
    assert.match(stdout, /model\[loss=high\]: cached\n {2}found by content/u);
  }),
);

it(
  "an unknown node gives the nearest valid name",
  inMadeRig(async (rig) => {
    const { code, stderr } = await rig.pipe("why", "study.yaml", "modle");
    assert.strictEqual(code, 2);
    assert.include(stderr, "did you mean `model`?");
  }),
);

describe("plan", () => {
  it(
    "gives every due node a cause with a place after every kind of edit",
    inMadeRig(async (rig) => {
      const edits = [
        [],
        ["--set", "data.env.SIZE='1'"],
        ["--set", "data.env.NEW=x", "--force", "model"],
        ["--axis", "loss=a,b,c"],
        ["--axis", "loss=high,low"],
        ["--set", "stages.model.from.mid=data"],
        ["--set", "name=other", "--set", "table.run=exit 0"],
      ];
      for (const edit of edits) {
        const lines = await planLines(rig, "study.yaml", ...edit);
        for (const line of lines) {
          if (line.status === "cached") assert.isUndefined(line.causes);
          else {
            assert.isAbove(line.causes?.length ?? 0, 0, `${edit.join(" ")}: ${line.node}`);
            for (const { at, text } of line.causes ?? []) {
              assert.isNotEmpty(text);
              assert.isAbove(at.line, 0);
            }
          }
        }
      }
    }),
  );

  it(
    "names a changed order of a fan-in",
    inMadeRig(async (rig) => {
      const line = await firstOf(rig, "study.yaml", "table", "--axis", "loss=high,low");
      assert.deepStrictEqual(
        line.causes?.map(({ _tag }) => _tag),
        ["Order"],
      );
    }),
  );

  it(
    "groups many points by stage, counts equal reasons, and names the labels that share one",
    inRig(async (rig) => {
      const many = Array.from({ length: 30 }, (_, index) => index).join(", ");
      const text = (value: string, high = "9") => `name: many
axes: { loss: [{ label: low, L: "3" }, { label: high, L: "${high}" }], seed: [${many}] }
stages:
  model: { use: command, with: { env: $loss, run: "echo \${seed} ${value} > {out}/value" } }
`;
      rig.write("e.yaml", text("one"));
      await rig.made("e.yaml");
      rig.write("e.yaml", text("one", "8"));
      const { stdout } = await rig.pipe("plan", "e.yaml");
      assert.match(stdout, /model\[loss × seed\] +command +30 cached, 30 run · /u);
      assert.match(stdout, /^ +30 run \[loss=high\]: env\.L "9" → "8" \(e\.yaml:2:\d+\)$/mu);
      assert.match(stdout, /^estimate: .+ of work, .+ with \d+ jobs?$/mu);
      assert.match(stdout, /^the cache saves /mu);
    }),
  );

  it(
    "estimates times from earlier runs, or says that there are none; counts GPU-hours",
    inMadeRig(async (rig) => {
      const [data] = (await planLines(rig, "study.yaml", "--force", "data")).filter(
        ({ node }) => node === "data",
      );
      assert.isAtLeast(data?.predictedSeconds ?? -1, 0);
      const gpu = ["--set", "stages.model.resources.gpus=1", "--force", "model"];
      assert.match((await rig.pipe("plan", "study.yaml", ...gpu)).stdout, /GPU-hours/u);
      rig.write(
        "new.yaml",
        "name: new\nstages: { data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, image: { size: 48 }, splits: { test: 2 } } } }\n",
      );
      const [unknown] = await planLines(rig, "new.yaml");
      assert.isNull(unknown?.predictedSeconds);
      assert.include(
        (await rig.pipe("plan", "new.yaml")).stdout,
        "no estimate yet for data (never run here)",
      );
      // The time follows the amount of work; nothing says "at most".
      await rig.made("new.yaml");
      const predicted = async (rows: number) => {
        const args = ["new.yaml", "--set", `data.splits.test=${rows}`];
        assert.match(
          (await rig.pipe("plan", ...args)).stdout,
          /^estimate: about .+ \(.+–.+\) of work, about /mu,
        );
        const [planned] = await planLines(rig, ...args);
        const [low, high] = planned?.predictedRange ?? [0, 0];
        const seconds = planned?.predictedSeconds ?? 0;
        assert.isTrue(low < seconds && seconds < high);
        return seconds;
      };
      const [some, more] = [await predicted(200), await predicted(800)];
      assert.isAbove(more, some * 1.5);
      assert.isAtMost(more, some * 4.001);
    }),
  );

  it(
    "and why write nothing at all",
    inMadeRig(async (rig) => {
      rig.write("study.yaml", spec({ size: "500" }));
      const listing = () =>
        fs
          .readdirSync(rig.directory, { recursive: true, encoding: "utf8" })
          .toSorted()
          .map((name) => {
            const { size, mtimeMs } = fs.lstatSync(rig.path(name));
            return `${name} ${size} ${fs.lstatSync(rig.path(name)).isDirectory() ? "" : mtimeMs}`;
          });
      const before = listing();
      assert.strictEqual((await rig.pipe("plan", "study.yaml", "--check")).code, 10);
      assert.strictEqual((await rig.pipe("why", "study.yaml", "table")).code, 0);
      assert.strictEqual((await rig.pipe("diff", "study-1", "latest")).code, 0);
      assert.deepStrictEqual(listing(), before);
    }),
  );
});

describe("a stage's own past comes first", () => {
  const points = (seeds: number, run = "echo ${seed} > {out}/value") => `name: e
axes: { seed: [${Array.from({ length: seeds }, (_, index) => index).join(", ")}], loss: [low, high] }
stages:
  other: { use: command, with: { run: "echo 1 > {out}/value", env: { L: low, S: "0" } } }
  model: { use: command, with: { run: ${JSON.stringify(run)}, env: { L: $loss, S: $seed } } }
`;

  it(
    "new points are counted by the axes on which they are new",
    inRig(async (rig) => {
      rig.write("e.yaml", points(2));
      await rig.made("e.yaml");
      rig.write("e.yaml", points(50));
      const { stdout } = await rig.pipe("plan", "e.yaml");
      assert.match(stdout, /^ +96 run: new points of seed$/mu);
      assert.notInclude(stdout, "other reason");
      const why = (await rig.pipe("why", "e.yaml", "model")).stdout;
      assert.include(why, "96 new points of seed; the first:");
      assert.match(why, /^ +compared with model\[seed=\d,loss=low\] of e, made in run e-1/mu);
      assert.strictEqual(why.match(/to run$/gmu)?.length, 1);
    }),
  );

  it(
    "a node that failed says so, with the run, its message and its log",
    inRig(async (rig) => {
      rig.write("e.yaml", points(1, "exit 3"));
      assert.strictEqual((await rig.pipe("run", "e.yaml", "-k")).code, 1);
      const { stdout } = await rig.pipe("plan", "e.yaml");
      assert.match(
        stdout,
        /model\[seed=0,loss=high\] .*failed last time in e-1: the command ended with exit code 3/u,
      );
      const why = (await rig.pipe("why", "e.yaml", "model[seed=0,loss=low]")).stdout;
      assert.include(why, "failed last time in e-1: the command ended with exit code 3");
      assert.include(why, "pipe logs 'e-1/model[seed=0,loss=low]'");
      const lines = await planLines(rig, "e.yaml");
      const failures = lines.map(({ lastFailure }) => lastFailure?.run);
      assert.deepStrictEqual(
        failures.filter((run) => run !== undefined),
        ["e-1", "e-1"],
      );
      // Another command is other work: its failure is no news.
      rig.write("e.yaml", points(1, "exit 4"));
      assert.notInclude((await rig.pipe("plan", "e.yaml")).stdout, "failed last time");
    }),
  );
});
