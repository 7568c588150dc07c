/** Bad experiments, one for every way to be wrong, and what must be said of each. */

export interface Complaint {
  /** The text above the squiggle. */
  readonly under: string;
  readonly says: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

export const head = "name: bad\n";

/** What is wrong → the experiment, and everything that must be said of it, in the order of the file. */
export const bad: Readonly<Record<string, readonly [string, ReadonlyArray<Complaint>]>> = {
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
  "a key written twice, which hides nothing else": [
    `axes: { loss: [{ label: a, kind: fixed, lambda: 1.7 }] }
stages:
  d: { use: rendr, use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { loss: $loss } }
`,
    [
      { under: "1.7", says: "is 1.7", expected: "between 0 and 1" },
      { under: "use", says: "written twice", expected: "each key once" },
    ],
  ],
  "an unknown stage, without blaming what fans in over it": [
    `axes: { seed: [0, 1] }
stages:
  a: { use: comand, with: { run: "echo \${seed}" } }
  b: { use: command, from: { x: a }, with: { run: "true" } }
  c: { use: command, from: { x: { all: b, over: [seed] } }, with: { run: "true" } }
`,
    [{ under: "comand", says: "unknown stage `comand`", suggestion: "`command`" }],
  ],
  "an axis to pool over that the scores do not have": [
    `axes: { seed: [0, 1] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5, test: 5 } } }
  t: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: t }, with: { seed: $seed } }
  e: { use: generate, from: { model: m, data: d }, with: { mode: end-to-end } }
  o: { use: generate, from: { model: m, data: d }, with: { mode: counterfactual } }
  s: { use: score, from: { data: d, end_to_end: e, counterfactual: o } }
  f: { use: summarize, from: { scores: { all: s } }, with: { pool: [sead] } }
`,
    [{ under: "sead", says: "unknown axis of the scores `sead`", suggestion: "`seed`" }],
  ],
  "an input from nowhere, without blaming what names it": [
    `stages:
  a: { use: command, from: { x: nothing }, with: { run: "cat {in.x}/y" } }
`,
    [{ under: "nothing", says: "unknown stage of this experiment `nothing`" }],
  ],
  "no stages": ["stages: {}\n", [{ under: "{}", says: "is {}", expected: "at least one stage" }]],
  "a reference inside an axis value": [
    `axes: { text: ["\${env:HOME}"] }
stages: { a: { use: command, with: { run: $text } } }
`,
    [{ under: '"${env:HOME}"', says: "never enters a key", expected: "`$$`" }],
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
  "an endpoint that gives secrets away, and one that says too little": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5, validation: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c } }
  secrets:
    use: rollout
    from: { model: m, data: d }
    with: { surrogates: [teacher], captioner: { url: "https://me:pass@host/v1", model: x, key_env: sk-123 } }
  model:
    use: grpo
    from: { model: m, data: d }
    with: { solver: { url: "https://host/v1?key=1", keyenv: KEY } }
  nobody: { use: rollout, from: { model: m, data: d }, with: { surrogates: [consensus, teacher] } }
  both:
    use: grpo
    from: { model: m, data: d, solver: m }
    with: { solver: { url: "http://[::1]:8000/v1", model: x } }
`,
    [
      { under: '"https://me:pass@host/v1"', says: "`captioner.url`", expected: "a password" },
      { under: "sk-123", says: "`captioner.key_env`", expected: "never the key itself" },
      {
        under: '{ url: "https://host/v1?key=1", keyenv: KEY }',
        says: "`model` is missing in `solver`",
      },
      { under: '"https://host/v1?key=1"', says: "`solver.url`", expected: "a query" },
      { under: "keyenv", says: "unknown key `keyenv`", suggestion: "`key_env`" },
      {
        under: "[consensus, teacher]",
        says: "the surrogate `teacher` has nobody to ask",
        expected: "an endpoint",
      },
      {
        under: '{ url: "http://[::1]:8000/v1", model: x }',
        says: "`solver` is an input and an endpoint at once",
      },
    ],
  ],
  "a local file that is not there": [
    `stages: { a: { use: files, with: { path: nowhere/x.txt } } }`,
    [{ under: "nowhere/x.txt", says: "`nowhere/x.txt`, which does not exist" }],
  ],
};
