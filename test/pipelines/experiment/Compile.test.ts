/** Compiling text to nodes: their points and inputs, and no crash for any text. */
import { assert, describe, it } from "@effect/vitest";
import { compile } from "../../../pipelines/experiment/Compile.ts";
import { type Graph, isFanIn, type Node, upstreamOf } from "../../../pipelines/experiment/Node.ts";
import { Source } from "../../../pipelines/experiment/Source.ts";
import type { Diagnostic } from "../../../schemas/Diagnostic.ts";
import { stages } from "../../../stages/stages.ts";
import { Random } from "../../../stats/Random.ts";

const noOverrides = { set: [], axis: [] };

const graphOf = (text: string): Graph => {
  const { graph, diagnostics } = compile(new Source("e.yaml", text), noOverrides, stages);
  assert.deepStrictEqual(diagnostics, []);
  return graph as Graph;
};

const names = (graph: Graph) => graph.nodes.map((node) => node.name);

const inputsOf = (graph: Graph, name: string): unknown => {
  const node = graph.nodes.find((candidate) => candidate.name === name) as Node;
  return Object.fromEntries(
    Object.entries(node.inputs).map(([input, from]) => [
      input,
      isFanIn(from) ? from.map((element) => [element.labels, element.node.name]) : from.name,
    ]),
  );
};

const valid = `# yaml-language-server: $schema=../schemas/experiment.schema.json
name: valid
description: "a study, with everything in it: λ, 'quotes' and \\"more\\""
axes:
  loss:
    - { label: token,  kind: token }
    - { label: λ=0.3,  kind: fixed, lambda: 0.3 }
    - { label: ngdiff, kind: ngdiff }
  seed: [0, 1, 2]   # three of them
stages:
  data:   { use: render,   with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 40, test: 5 }, seed: 7 } }
  cot:    { use: distill,  from: { data: data },  with: { teacher: &teacher { kind: solver } } }
  cot2:   { use: distill,  from: { data: data },  with: { teacher: *teacher } }
  model:  { use: sft,      from: { data: cot },   with: { loss: $loss, seed: $seed } }
  e2e:    { use: generate, from: { model: model, data: data }, with: { mode: end-to-end } }
  oracle: { use: generate, from: { model: model, data: data }, with: { mode: counterfactual } }
  scores: { use: score,    from: { data: data, end_to_end: e2e, counterfactual: oracle } }
  pool:   { use: summarize, from: { scores: { all: scores, over: [seed] } } }
  table:  { use: summarize, from: { scores: { all: scores } } }
  note:
    use: command
    from: { table: table, pools: { all: pool } }
    with:
      run: |
        cat {in.table}/table.csv > {out}/x
        echo "$$loss"
      env: { A: "b" }
      timeout: 30 minutes
`;

describe("the nodes of an experiment", () => {
  it("depend on the axes that their params mention or their inputs depend on", () => {
    const count = (stage: string) =>
      graphOf(valid).nodes.filter((node) => node.stageName === stage).length;
    const counts = ["data", "cot", "model", "e2e", "scores", "pool", "table", "note"].map(count);
    assert.deepStrictEqual(counts, [1, 1, 9, 9, 9, 3, 1, 1]);
  });

  it("are in topological order", () => {
    const seen = new Set<Node>();
    for (const node of graphOf(valid).nodes) {
      for (const upstream of upstreamOf(node)) assert.isTrue(seen.has(upstream), node.name);
      seen.add(node);
    }
  });

  const diamond = (last: string) => `name: e
axes: { y: [1, 2], x: [a, b] }
stages:
  last: ${last}
  left: { use: command, from: { root: root }, with: { run: "echo \${x}" } }
  right: { use: command, from: { root: root }, with: { run: "echo \${y}" } }
  root: { use: command, with: { run: "true" } }
`;

  it("join their inputs' points axis by axis, in the experiment's order of axes", () => {
    const graph = graphOf(
      diamond('{ use: command, from: { l: left, r: right }, with: { run: "true" } }'),
    );
    assert.includeMembers(names(graph), [
      "last[y=1,x=a]",
      "last[y=2,x=b]",
      "left[x=a]",
      "right[y=1]",
    ]);
    assert.strictEqual(graph.nodes.length, 1 + 2 + 2 + 4);
    assert.deepStrictEqual(inputsOf(graph, "last[y=2,x=a]"), { l: "left[x=a]", r: "right[y=2]" });
  });

  it("fan in over all axes of one input while another stays point-wise", () => {
    const graph = graphOf(
      diamond('{ use: command, from: { l: { all: left }, r: right }, with: { run: "true" } }'),
    );
    assert.deepStrictEqual(inputsOf(graph, "last[y=2]"), {
      l: [
        [{ x: "a" }, "left[x=a]"],
        [{ x: "b" }, "left[x=b]"],
      ],
      r: "right[y=2]",
    });
  });

  it("fan in over one axis and keep the other", () => {
    const graph = graphOf(
      `${diamond('{ use: command, from: { l: left, r: right }, with: { run: "true" } }')}  pool: { use: command, from: { l: { all: last, over: [y] } }, with: { run: "true" } }\n`,
    );
    assert.deepStrictEqual(inputsOf(graph, "pool[x=b]"), {
      l: [
        [{ y: "1", x: "b" }, "last[y=1,x=b]"],
        [{ y: "2", x: "b" }, "last[y=2,x=b]"],
      ],
    });
  });

  it("of an axis that params mention and an input fans in over have one point a value, each with all elements", () => {
    const graph = graphOf(
      diamond('{ use: command, from: { l: { all: left } }, with: { run: "echo ${x}" } }'),
    );
    assert.deepStrictEqual(inputsOf(graph, "last[x=a]"), inputsOf(graph, "last[x=b]"));
    assert.strictEqual(
      (inputsOf(graph, "last[x=a]") as { readonly l: ReadonlyArray<unknown> }).l.length,
      2,
    );
  });

  it("need no axes, and an axis may lose its only use to an override", () => {
    const spec = (run: string) =>
      `name: e\naxes: { x: [1, 2] }\nstages: { a: { use: command, with: { run: ${run} } } }`;
    const pinned = { set: ['a.run="true"'], axis: [] };
    assert.deepStrictEqual(
      compile(new Source("e.yaml", spec('"${x}"')), pinned, stages).graph?.nodes.map(
        ({ name }) => name,
      ),
      ["a"],
    );
    assert.isUndefined(compile(new Source("e.yaml", spec('"true"')), pinned, stages).graph);
  });

  it("can form a chain of 1,000 stages", () => {
    const lines = Array.from(
      { length: 1000 },
      (_, index) =>
        `  s${index}: { use: command, ${index === 0 ? "" : `from: { x: s${index - 1} }, `}with: { run: "true" } }`,
    ).reverse();
    assert.strictEqual(graphOf(`name: e\nstages:\n${lines.join("\n")}\n`).nodes.length, 1000);
  });
});

/** Every diagnostic must have a place inside its text. */
const assertInside = (text: string, { at, message }: Diagnostic) => {
  assert.isNotEmpty(message);
  if (at === undefined) return;
  const lines = text.split("\n");
  const line = lines[at.line - 1]?.replace(/\r$/u, "");
  assert.isDefined(line, `line ${at.line} of ${lines.length}: ${message}`);
  assert.strictEqual(at.text, line, message);
  assert.isAtLeast(at.col, 1, message);
  assert.isAtMost(at.col, (line ?? "").length + 2, message);
  assert.isAtLeast(at.length, 1, message);
};

const hostileBits = [
  "\t", "\n", "\r\n", ":", ": ", "- ", "{", "}", "[", "]", "*", "&a ", "*a", "&", "|", ">", "!", "!!int ", "!!binary ",
  "!!set ", "%", "@", "`", "'", '"', "\\", "\u0000", "\uFEFF", "\u2028", "\uD800", "\u{1F600}", "---\n", "...\n", "? ", "<<: ",
  "~", "null", "$", "${", "${}", "${x", "$loss", "__proto__", "__proto__: ", "constructor", "toString: ", "1e999", "-.inf", ".nan",
  "0x", "9".repeat(400), " ".repeat(300), "{".repeat(60), "[".repeat(60), "use: command", "all: ", "over: [seed]", "#",
]; // prettier-ignore

/** 0 … count − 1. */
const below = (random: Random, count: number): number => random.integer(0, count - 1);

const mutate = (text: string, random: Random): string => {
  const place = below(random, text.length + 1);
  const lines = text.split("\n");
  const line = below(random, lines.length);
  switch (below(random, 8)) {
    case 0:
      return text.slice(0, place);
    case 1:
      return text.slice(0, place) + text.slice(place + 1 + below(random, 20));
    case 2:
      return (
        text.slice(0, place) + hostileBits[below(random, hostileBits.length)] + text.slice(place)
      );
    case 3:
      return (
        text.slice(0, place) + String.fromCharCode(below(random, 65_536)) + text.slice(place + 1)
      );
    case 4:
      return lines.toSpliced(line, 1).join("\n");
    case 5:
      return lines.toSpliced(line, 0, lines[below(random, lines.length)] ?? "").join("\n");
    case 6:
      return lines.toSpliced(line, 1, ` ${lines[line]}`).join("\n");
    default: {
      const words = text.split(/\b/u);
      words[below(random, words.length)] = words[below(random, words.length)] ?? "";
      return words.join("");
    }
  }
};

it("every mutation of a valid experiment gives a graph, or errors with places inside the file", () => {
  const random = Random.of("compile fuzz");
  let graphs = 0;
  const rounds = 600;
  for (let round = 0; round < rounds; round += 1) {
    let text = valid;
    for (let edits = 1 + below(random, 3); edits > 0; edits -= 1) text = mutate(text, random);
    const replay = `round ${round}: ${JSON.stringify(text)}`;
    try {
      const { graph, diagnostics } = compile(new Source("e.yaml", text), noOverrides, stages);
      assert.strictEqual(graph === undefined, diagnostics.length > 0);
      for (const diagnostic of diagnostics) assertInside(text, diagnostic);
      if (graph !== undefined) graphs += 1;
    } catch (error) {
      throw new Error(replay, { cause: error });
    }
  }
  // Enough mutations must remain YAML to reach the checks after parsing.
  assert.isAbove(graphs, rounds / 20);
});

it("every --set and --axis gives a graph or errors", () => {
  const random = Random.of("override fuzz");
  const paths = [
    "model.steps",
    "stages.model.with.loss",
    "axes.seed",
    "axes.seed.0",
    "axes",
    "stages",
    "name",
    "",
    "x.y.z",
    "__proto__.x",
  ];
  for (let round = 0; round < 200; round += 1) {
    const bits = Array.from(
      { length: below(random, 4) },
      () => hostileBits[below(random, hostileBits.length)],
    );
    const edit = `${paths[below(random, paths.length)]}${below(random, 5) === 0 ? "" : "="}${bits.join("")}`;
    const overrides =
      below(random, 2) === 0 ? { set: [edit], axis: [] } : { set: [], axis: [edit] };
    const { graph, diagnostics } = compile(new Source("e.yaml", valid), overrides, stages);
    assert.strictEqual(graph === undefined, diagnostics.length > 0, edit);
    for (const diagnostic of diagnostics) {
      if (diagnostic.at === undefined) continue;
      const inside = diagnostic.at.file === "e.yaml" ? valid : edit;
      assertInside(inside, diagnostic);
    }
  }
});

describe("names", () => {
  const compiled = (text: string, set: ReadonlyArray<string> = []) =>
    compile(new Source("e.yaml", text), { set, axis: [] }, stages);

  it("of nodes differ, even where a label contains a comma", () => {
    const { graph } = compiled(`name: e
axes: { a: ["1", "1,b=2"], b: ["2", "2,b=2"] }
stages: { s: { use: command, with: { run: "echo \${a} \${b}" } } }
`);
    const names = graph?.nodes.map((node) => node.name) ?? [];
    assert.strictEqual(new Set(names).size, 4);
    assert.include(names, "s[a=1,b=2]");
  });

  it("of items beyond the end of a list are refused", () => {
    const { diagnostics } = compiled(
      'name: e\naxes: { a: [1, 2] }\nstages: { s: { use: command, with: { run: "echo ${a}" } } }\n',
      ["axes.a.5=7"],
    );
    assert.include(diagnostics[0]?.message, "item 5 of a list with 2");
  });
});

describe("an optional input", () => {
  const spec = (from: string, perception: string, more = "") => `name: e
stages:
  data:  { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_rl: 8, train_sft: 8 } } }
  cot:   { use: distill, from: { data: data } }
  start: { use: sft, from: { data: cot } }
  model: { use: grpo, from: ${from}, with: { perception: ${perception}${more} } }
`;
  const messagesOf = (from: string, perception: string, more?: string) =>
    compile(
      new Source("e.yaml", spec(from, perception, more)),
      noOverrides,
      stages,
    ).diagnostics.map(({ message }) => message);

  it("is wired where it is given, and can be left out", () => {
    const without = graphOf(spec("{ model: start, data: data }", "oracle"));
    assert.deepStrictEqual(inputsOf(without, "model"), { model: "start", data: "data" });
    const given = "{ model: start, data: data, captioner: start }";
    assert.deepStrictEqual(
      inputsOf(graphOf(spec(given, "{ surrogate: teacher, as: f1 }")), "model"),
      { model: "start", data: "data", captioner: "start" },
    );
  });

  it("is none of a point whose params do not read it", () => {
    const text = spec("{ model: start, data: data, captioner: start }", "$reward").replace(
      "stages:",
      "axes: { reward: [oracle, { label: taught, surrogate: teacher, as: exact }] }\nstages:",
    );
    const graph = graphOf(text);
    assert.deepStrictEqual(inputsOf(graph, "model[reward=oracle]"), {
      model: "start",
      data: "data",
    });
    assert.deepStrictEqual(inputsOf(graph, "model[reward=taught]"), {
      model: "start",
      data: "data",
      captioner: "start",
    });
  });

  it("is required by params that need it", () => {
    assert.deepStrictEqual(messagesOf("{ model: start, data: data }", "{ surrogate: teacher }"), [
      "the surrogate `teacher` has no captioner",
    ]);
    assert.deepStrictEqual(
      messagesOf("{ model: start, data: data }", "{ surrogate: consensus }"),
      [],
    );
  });

  it("may be replaced by an endpoint, but not combined with one", () => {
    const endpoint = ", captioner: { url: 'https://host/v1', model: m }";
    const teacher = "{ surrogate: teacher }";
    assert.deepStrictEqual(messagesOf("{ model: start, data: data }", teacher, endpoint), []);
    assert.deepStrictEqual(
      messagesOf("{ model: start, data: data, captioner: start }", teacher, endpoint),
      ["`captioner` is both an input and an endpoint"],
    );
  });

  it("leaves the other inputs required, and must have an accepted kind", () => {
    assert.deepStrictEqual(messagesOf("{ data: data }", "oracle"), [
      "the stage `model` needs the input `model`",
    ]);
    assert.deepStrictEqual(messagesOf("{ model: start, data: data, solver: data }", "oracle"), [
      "`data` makes dataset, which `grpo` does not accept as `solver`",
    ]);
  });
});

it("a fan-in accepts the one artifact of a stage without axes", () => {
  const { graph, diagnostics } = compile(
    new Source(
      "e.yaml",
      `name: e
stages:
  r: { use: files, with: { path: r } }
  c: { use: correlate, from: { rollouts: { all: r } } }
`,
    ),
    noOverrides,
    stages,
  );
  assert.deepStrictEqual(diagnostics, []);
  assert.deepStrictEqual(inputsOf(graph as Graph, "c"), { rollouts: [[{}, "r"]] });
});
