/** Bad experiments, one for each kind of error, with the expected diagnostics. */

export interface Complaint {
  /** The text above the squiggle. */
  readonly under: string;
  readonly says: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

export const head = "name: bad\n";

/** The error → the experiment and all its diagnostics, in the order of the file. */
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
  "several nodes for a stage that runs on one": [
    `stages: { data: { use: render, resources: { nodes: 2 }, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 } } } }`,
    [
      {
        under: "2",
        says: "`data` asks for several nodes; the stage `render` runs on one",
        expected: "a `command` that starts a trainer on several nodes",
      },
    ],
  ],
  "params and inputs of the other trainer": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  s: { use: pretrained, with: { path: theirs } }
  a: { use: sft, from: { data: c }, with: { trainer: llamafactory, model: { kind: micro, size: small } } }
  b: { use: sft, from: { data: c, model: s }, with: { trainer: pipe, model: { size: micro, kind: micro }, llamafactory: { longest: 9 } } }
  e: { use: sft, from: { data: c, model: s }, with: { trainer: llamafactory, accumulate: 3, llamafactory: { processes: 2 } } }
  f: { use: sft, from: { data: c, model: s }, with: { trainer: llamafactory, llamafactory: { sharding: fsdp } } }
  g: { use: sft, from: { data: c, model: s }, with: { trainer: llamafactory, accumulate: 2, llamafactory: { processes: 2, finetuning: { kind: lora }, sharding: "fsdp" } } }
`,
    [
      {
        under: "llamafactory",
        says: "the trainer `llamafactory` needs a model to go on with",
        expected: "`model: start`",
      },
      {
        under: "{ kind: micro, size: small }",
        says: "the trainer `llamafactory` does not read `model`",
      },
      {
        under: "{ size: micro, kind: micro }",
        says: "`model` describes a new model, and this training goes on with the input `model`",
        expected: "no `model` under `with`",
      },
      { under: "{ longest: 9 }", says: "the trainer `pipe` does not read `llamafactory`" },
      {
        under: "2",
        says: "2 processes can't share 3 micro-batches equally",
        expected: "a divisor of `accumulate`",
      },
      {
        under: "fsdp",
        says: "there is one process, and sharding needs two",
        expected: "`processes: 2` or more",
      },
      {
        under: '"fsdp"',
        says: "sharding is for full fine-tuning; each process can have all that LoRA trains",
        expected: "`finetuning: { kind: full }`",
      },
    ],
  ],
  "a validation without pictures, and pictures without a validation": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  a: { use: sft, from: { data: c }, with: { validate: { every: 9 } } }
  e: { use: sft, from: { data: c, validation: d }, with: { steps: 3 } }
`,
    [
      {
        under: "{ every: 9 }",
        says: "`validate` has no pictures: transcripts are of training ones",
        expected: "`validation: data`",
      },
      {
        under: "{ steps: 3 }",
        says: "the input `validation` is read by `validate` alone",
        expected: "no `validation` under `from`",
      },
    ],
  ],
  "a schedule whose points are out of order": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  a: { use: sft, from: { data: c }, with: { loss: { kind: schedule, points: [[0, 1], [70, 0.5], [60, token]] } } }
`,
    [
      {
        under: "60",
        says: "step 60 comes after step 70",
        expected: "points in the order of their steps",
      },
    ],
  ],
  "captions alone, weighed against what is not learned": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  a: { use: sft, from: { data: c }, with: { learn: caption, loss: { kind: ngdiff }, gradients: true } }
`,
    [
      {
        under: "{ kind: ngdiff }",
        says: "captions alone are learned, with weight 1",
        expected: "the loss token",
      },
      {
        under: "true",
        says: "there is one span, that of captions",
        expected: "without `gradients`",
      },
    ],
  ],
  "frozen words that the captions' tags are new to": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  t: { use: pretrained, with: { path: words } }
  b: { use: prepare, from: { model: t, data: d }, with: { vision: {} } }
  a: { use: sft, from: { data: c, model: b }, with: { freeze: text } }
`,
    [
      {
        under: "text",
        says: "the language model of `b` never writes the caption's tags",
        expected: "`freeze: vision` between them",
      },
    ],
  ],
  "a tower for pictures of unknown brightness": [
    `stages:
  t: { use: pretrained, with: { path: words } }
  b: { use: prepare, from: { model: t }, with: { vision: {} } }
`,
    [
      {
        under: "{}",
        says: "a new vision tower needs the mean and spread of its pixels",
        expected: "the data set of the training as input `data`",
      },
    ],
  ],
  "pictures for a base model that gets no tower": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  t: { use: pretrained, with: { path: words } }
  b: { use: prepare, from: { model: t, data: d }, with: { vision: null } }
`,
    [
      {
        under: "data",
        says: "no point of `b` reads its input `data`",
        expected: "the param `vision`, or no `data` under `from`",
      },
    ],
  ],
  "a validation without its split": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5, train_rl: 5 } } }
  c: { use: distill, from: { data: d } }
  b: { use: sft, from: { data: c, validation: d }, with: { validate: { every: 8 } } }
  p: { use: grpo, from: { model: b, data: d }, with: { validate: { every: 7, split: test } } }
`,
    [
      {
        under: "{ every: 8 }",
        says: "`d` renders no split `validation`",
        expected: "`splits: { validation: 200 }` in `d`",
      },
      { under: "{ every: 7, split: test }", says: "`d` renders no split `test`" },
    ],
  ],
  "an engine without its bound, and settings of the other": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 } } }
  m: { use: pretrained, with: { path: theirs } }
  e: { use: generate, from: { model: m, data: d }, with: { mode: end-to-end, engine: vllm } }
  o: { use: generate, from: { model: m, data: d }, with: { mode: counterfactual, vllm: { context: 9 } } }
`,
    [
      {
        under: "vllm",
        says: "the engine `vllm` has no bound on the tokens of a response",
        expected: "a `max_tokens`",
      },
      { under: "{ context: 9 }", says: "the engine `transformers` does not read `vllm`" },
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
    [{ under: "cot", says: "needs the input `data`", expected: "dataset" }],
  ],
  "an input from an unknown stage": [
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
  "a missing param without any params": [
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
  "a value out of range": [
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
  "an unknown kind": [
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
  "a value of none of a union's forms": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6, 7] }, splits: { test: 5, train_sft: 5, train_rl: 5 } } }
  c: { use: distill, from: { data: d }, with: { teacher: solver } }
  k: { use: distill, from: { data: d }, with: { teacher: { kind: solver, stile: wordy } } }
  m: { use: sft, from: { data: c }, with: { loss: { kind: schedule, points: [[0, 1], [4, tokn], [5]] } } }
  n: { use: sft, from: { data: c }, with: { loss: { kind: token, lambda: 0.3 } } }
  p: { use: grpo, from: { model: m, data: d }, with: { perception: { surrogate: concensus } } }
  q: { use: grpo, from: { model: m, data: d }, with: { perception: { surogate: consensus } } }
  r: { use: grpo, from: { model: m, data: d }, with: { perception: { surrogate: blind-solve, as: f1 } } }
  s: { use: grpo, from: { model: m, data: d }, with: { perception: consensus, kl: {} } }
  t: { use: grpo, from: { model: m, data: d }, with: { perception: orakle, dual_clip: none } }
  u: { use: command, with: { run: [], env: { A: { b: 1 } }, timeout: 3 parsecs } }
`,
    [
      { under: "[4, 6, 7]", says: "`task.blanks` of stage `d` is [4,6,7]", expected: "2 items" },
      {
        under: "solver",
        says: '`teacher` of stage `c` is "solver"',
        expected: "write `{ kind: solver }`",
      },
      { under: "stile", says: "unknown key `stile` in `teacher`", suggestion: "`style`" },
      {
        under: "tokn",
        says: '`loss.points.1.1` of stage `m` is "tokn"',
        expected: "a number or token",
        suggestion: "`token`",
      },
      { under: "[5]", says: "`loss.points.2` of stage `m` is [5]", expected: "2 items" },
      { under: "lambda", says: "unknown key `lambda` in `loss`", expected: "expected kind" },
      {
        under: "concensus",
        says: "unknown surrogate `concensus` of `perception`",
        expected: "one of teacher, vote, consensus, blind-solve, likelihood",
        suggestion: "`consensus`",
      },
      {
        under: "surogate",
        says: "unknown key `surogate` in `perception`",
        suggestion: "`surrogate`",
      },
      { under: "as", says: "unknown key `as` in `perception`", expected: "expected surrogate" },
      {
        under: "consensus",
        says: '`perception` of stage `s` is "consensus"',
        expected: "write `{ surrogate: consensus }`",
      },
      {
        under: "{}",
        says: "`kind` is missing in `kl` of stage `s`",
        expected: "an object with kind: one of none, k3, exact",
      },
      {
        under: "orakle",
        says: '`perception` of stage `t` is "orakle"',
        expected: "oracle, oracle-f1 or an object with surrogate: one of teacher,",
        suggestion: "`oracle`",
      },
      {
        under: "none",
        says: '`dual_clip` of stage `t` is "none"',
        expected: "expected a number or null",
      },
      { under: "[]", says: "`run` of stage `u` is []", expected: "at least 1 item" },
      {
        under: "{ b: 1 }",
        says: '`env.A` of stage `u` is {"b":1}',
        expected: "a string, a number or a boolean",
      },
      {
        under: "3 parsecs",
        says: '`timeout` of stage `u` is "3 parsecs"',
        expected: "a time such as `30 minutes`",
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
    [{ under: "a", says: "form a cycle: a ← c ← b ← a" }],
  ],
  "a stage that needs itself": [
    `stages: { a: { use: command, from: { x: a }, with: { run: "true" } } }`,
    [{ under: "a", says: "form a cycle: a ← a" }],
  ],
  "an input of the wrong kind": [
    `stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 } } }
  m: { use: sft, from: { data: data } }
`,
    [
      {
        under: "data",
        says: "makes dataset, which `sft` does not accept",
        expected: "transcripts",
      },
    ],
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
  "axes that no stage uses": [
    `axes: { seed: [0, 1], speed: [1] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5 } } }
`,
    [
      {
        under: "seed",
        says: "no stage uses the axis `seed`",
        expected: "`seed: $seed` in `d.with`",
      },
      {
        under: "speed",
        says: "no stage uses the axis `speed`",
        expected: "in the `with` of a stage",
      },
    ],
  ],
  "a field that one value of an axis lacks": [
    `axes:
  arm:
    - { label: slow, speed: 1, sides: 2 }
    - { label: fast, sped: 2, sides: 2 }
stages:
  a: { use: command, with: { run: "echo \${arm.speed}" } }
`,
    [{ under: '"echo ${arm.speed}"', says: "unknown field of `fast`", suggestion: "`sped`" }],
  ],
  "empty and repeated items": [
    `stages:
  a: { use: command, with: { run: "true", sources: [""] } }
  b: { use: command, from: { a: { all: a, over: [] } }, with: { run: "true" } }
  g: { use: groups, with: { rewards: [a, a] } }
`,
    [
      {
        under: '""',
        says: '`sources.0` of stage `a` is ""',
        expected: "a string that is not empty",
      },
      { under: "[]", says: "`stages.b.from.a.over`", expected: "at least one axis" },
      { under: "g", says: "the stage `g` needs the input `rollouts`" },
      { under: "[a, a]", says: "`rewards` of stage `g`", expected: "each item once" },
    ],
  ],
  "inputs that no point reads": [
    `axes: { reward: [oracle, { label: group, surrogate: consensus }] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5, train_rl: 5, validation: 5, test: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c } }
  p: { use: grpo, from: { model: m, data: d, captioner: m, captioners: { all: m } }, with: { perception: $reward } }
  r: { use: rollout, from: { model: m, data: d, solver: m } }
  e: { use: generate, from: { model: m, data: d }, with: { mode: both } }
  s: { use: score, from: { data: d, end_to_end: e, counterfactual: e } }
  t: { use: summarize, from: { scores: { all: s }, data: d } }
`,
    [
      {
        under: "captioner",
        says: "no point of `p` reads its input `captioner`",
        expected: "the surrogate `teacher`, or no `captioner` under `from`",
      },
      {
        under: "captioners",
        says: "no point of `p` reads its input `captioners`",
        expected: "the surrogate `vote`, or no `captioners` under `from`",
      },
      {
        under: "solver",
        says: "no point of `r` reads its input `solver`",
        expected: "the surrogate `blind-solve`, or no `solver` under `from`",
      },
      {
        under: "data",
        says: "no point of `t` reads its input `data`",
        expected: "the param `difficulty`, or no `data` under `from`",
      },
    ],
  ],
  "a field of an axis that no stage uses": [
    `axes: { arm: [{ label: slow, speed: 1, sides: 2 }] }
stages:
  a: { use: command, with: { run: "echo \${arm.speed}" } }
`,
    [
      {
        under: "sides",
        says: "no stage uses the field `sides` of the axis `arm`",
        expected: "`$arm.sides` in the `with` of a stage",
      },
    ],
  ],
  "an axis without braces in a text, and a label for a number": [
    `axes: { seed: [0, 1] }
stages:
  a: { use: command, with: { run: [echo, --seed=$seed] } }
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { test: 5 }, seed: "\${seed}" } }
`,
    [
      { under: "--seed=$seed", says: "`$seed` inside a longer text", expected: "`${seed}`" },
      { under: '"${seed}"', says: '`seed` of stage `d` is "0"', expected: "write `$seed`" },
    ],
  ],
  "keys by their names in other programs": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { lr: 1e-3, batch_size: 4, max_steps: 5 } }
  x: { use: command, with: { rn: "true" } }
  y: { uses: command }
`,
    [
      { under: "lr", says: "unknown key `lr`", suggestion: "`learning_rate`" },
      { under: "batch_size", says: "unknown key `batch_size`", suggestion: "`batch`" },
      { under: "max_steps", says: "unknown key `max_steps`", suggestion: "`steps`" },
      { under: "rn", says: "unknown key `rn`", suggestion: "`run`" },
      { under: "uses", says: "unknown key `uses`", suggestion: "`use`" },
    ],
  ],
  "a micro model where another is needed": [
    `axes: { family: [qwen3-vl, internvl] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5, train_sft: 5, train_rl: 5 } } }
  c: { use: distill, from: { data: d } }
  s: { use: sft, from: { data: c }, with: { model: { kind: micro, family: $family } } }
  p: { use: grpo, from: { model: s, data: d } }
  b: { use: sft, from: { data: c, model: p }, with: { loss: { kind: fixed, lambda: 0 }, pictures: blank } }
  l: { use: sft, from: { data: c, model: s }, with: { trainer: llamafactory } }
  v: { use: grpo, from: { model: s, data: d }, with: { trainer: verl, max_tokens: 90 } }
  e: { use: generate, from: { model: b, data: d }, with: { mode: end-to-end, engine: vllm, max_tokens: 90 } }
  t: { use: prepare, from: { model: s } }
`,
    [
      {
        under: "blank",
        says: "an InternVL has no blank picture",
        expected: "a model of `family: qwen3-vl`",
      },
      {
        under: "llamafactory",
        says: "`s[family=qwen3-vl]` is a micro model",
        expected: "pretrained",
      },
      { under: "verl", says: "no chat template: verl can't ask it", expected: "no `trainer`" },
      { under: "vllm", says: "`b[family=qwen3-vl]` is a micro model", expected: "no `engine`" },
      { under: "t", says: "vocabulary has the caption's tags", expected: "no `prepare`" },
    ],
  ],
  "times out of range, and a variable without a name": [
    `stages:
  a: { use: command, with: { run: "true", timeout: -5 seconds } }
  b: { use: command, with: { run: "true", timeout: Infinity } }
  e: { use: command, with: { run: "true", timeout: 30 } }
  c: { use: command, with: { run: "true", env: { "A=B": x } } }
  d: { use: command, with: { run: "true" }, retry: { wait: 99999 days } }
`,
    [
      { under: "-5 seconds", says: "`timeout` of stage `a`", expected: "from 1 millisecond" },
      { under: "Infinity", says: "`timeout` of stage `b`", expected: "to 365 days" },
      {
        under: "30",
        says: "`timeout` of stage `e` is 30",
        expected: "a time such as `30 minutes`",
      },
      { under: '"A=B"', says: "`A=B` can't be a key", expected: "a variable's name" },
      { under: "99999 days", says: "`stages.d.retry.wait`", expected: "at most 365 days" },
    ],
  ],
  "a fact about the machine": [
    `stages: { a: { use: command, with: { run: "echo \${env:HOME}" } } }`,
    [{ under: '"echo ${env:HOME}"', says: "never enter a key", expected: "`$$`" }],
  ],
  "a key that occurs twice, beside another error": [
    `axes: { loss: [{ label: a, kind: fixed, lambda: 1.7 }] }
stages:
  d: { use: rendr, use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { loss: $loss } }
`,
    [
      { under: "1.7", says: "is 1.7", expected: "between 0 and 1" },
      { under: "use", says: "occurs twice", expected: "each key once" },
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
  "an unknown axis to pool over": [
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
  "buckets of difficulty without a data set, out of order, and beside an axis of that name": [
    `axes: { difficulty: [0, 1] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5, test: 5 } } }
  t: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: t }, with: { seed: $difficulty } }
  e: { use: generate, from: { model: m, data: d }, with: { mode: end-to-end } }
  o: { use: generate, from: { model: m, data: d }, with: { mode: counterfactual } }
  s: { use: score, from: { data: d, end_to_end: e, counterfactual: o } }
  f: { use: summarize, from: { scores: { all: s } }, with: { difficulty: [7, 5, 9] } }
  g: { use: summarize, from: { scores: { all: s }, data: d }, with: { difficulty: [8] } }
`,
    [
      { under: "[7, 5, 9]", says: "not known without their data set", expected: "input `data`" },
      { under: "5", says: "the bound 5 comes after 7", expected: "bounds that rise" },
      { under: "[8]", says: "has an axis `difficulty`", expected: "another name" },
    ],
  ],
  "an InternVL that learns without pictures": [
    `stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: 5 }, splits: { train_sft: 5 } } }
  t: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: t }, with: { model: { kind: micro, family: internvl }, pictures: blank } }
`,
    [{ under: "blank", says: "an InternVL has no blank picture", expected: "family: qwen3-vl" }],
  ],
  "an unknown input, without blaming a param that names it": [
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
    [{ under: '"${env:HOME}"', says: "never enter a key", expected: "`$$`" }],
  ],
  "a fan-in over a stage without axes": [
    `stages:
  a: { use: command, with: { run: "true" } }
  b: { use: command, from: { x: { all: a } }, with: { run: "true" } }
`,
    [{ under: "a", says: "`a` does not vary", expected: "x: a" }],
  ],
  "a fan-in over no axis": [
    `axes: { seed: [0, 1] }
stages:
  a: { use: command, with: { run: "echo \${seed}" } }
  b: { use: command, from: { x: { all: a, over: [] } }, with: { run: "true" } }
`,
    [{ under: "[]", says: "`stages.b.from.x.over`", expected: "at least one axis" }],
  ],
  "a fan-in over an axis the stage does not have": [
    `axes: { seed: [0, 1], other: [0] }
stages:
  a: { use: command, with: { run: "echo \${seed}" } }
  b: { use: command, from: { x: { all: a, over: [other] } }, with: { run: "true" } }
`,
    [{ under: "other", says: "unknown axis of `a` `other`", expected: "seed" }],
  ],
  "a fan-in for an input that takes one artifact": [
    `axes: { seed: [0, 1] }
stages:
  data: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { test: 5 }, seed: $seed } }
  cot: { use: distill, from: { data: { all: data } } }
`,
    [{ under: "data", says: "takes one artifact, not all points", expected: "data: data" }],
  ],
  "a point-wise input that needs a fan-in": [
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
    [{ under: "s", says: "needs all points", expected: "scores: { all: s }" }],
  ],
  "a key that occurs twice": [
    `stages:
  a: { use: command, with: { run: "true" } }
  b: { use: command, with: { run: "true", run: "false" } }
  a: { use: command, with: { run: "false" } }
`,
    [
      { under: "run", says: "the key `run` occurs twice", expected: "each key once" },
      { under: "a", says: "the key `a` occurs twice" },
    ],
  ],
  "a tab as indentation": [
    `stages:\n\ta: { use: command, with: { run: "true" } }\n`,
    [{ under: " ", says: "a tab is used as indentation", expected: "spaces" }],
  ],
  "aliases that expand too far": [
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
  "an anchor with its own alias": [
    `stages: { a: &a { use: command, with: { run: "true", env: *a } } }`,
    [{ under: "*a", says: "is inside its own anchor" }],
  ],
  "an alias without an anchor": [
    `stages: { a: { use: command, with: *nothing } }`,
    [{ under: "*nothing", says: "nothing" }],
  ],
  "two equal axis values": [
    `axes: { seed: [0, 1, 0] }\nstages: { a: { use: command, with: { run: "echo \${seed}" } } }`,
    [{ under: "0", says: "two values labelled `0`", expected: "a different label" }],
  ],
  "an axis value without a label": [
    `axes: { loss: [{ kind: token }] }\nstages: { a: { use: command, with: { run: "echo \${loss}" } } }`,
    [{ under: "{ kind: token }", says: "label" }],
  ],
  "an axis without values": [
    `axes: { seed: [] }\nstages: { a: { use: command, with: { run: "echo \${seed}" } } }`,
    [{ under: "[]", says: "`axes.seed`", expected: "at least one value" }],
  ],
  "too many points": [
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
  "invalid names": [
    `axes: { "a b": [1] }
stages:
  "x/y": { use: command, with: { run: "echo \${a b}" } }
  ok: { use: command, with: { run: "true" } }
  z: { use: command, from: { "../../x": ok }, with: { run: "true" } }
`,
    [
      { under: '"a b"', says: "a b", expected: "a name" },
      { under: '"x/y"', says: "x/y", expected: "a name" },
      { under: '"../../x"', says: "../../x", expected: "a name" },
    ],
  ],
  "invalid keys": [
    `axis: { seed: [0] }
stages: { a: { use: command, form: {}, with: { run: "true" } } }
`,
    [
      { under: "axis", says: "unknown key `axis`", suggestion: "`axes`" },
      { under: "form", says: "unknown key `form`", suggestion: "`from`" },
    ],
  ],
  "an infinite number": [
    `axes: { x: [.inf] }\nstages: { a: { use: command, with: { run: "\${x}" } } }`,
    [{ under: ".inf", says: "finite" }],
  ],
  "half a character": [
    `stages: { a: { use: command, with: { run: "x", env: { A: "\\ud800" } } } }`,
    [{ under: '"\\ud800"', says: "half a character" }],
  ],
  "endpoints with secrets or without a model": [
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
  novote: { use: rollout, from: { model: m, data: d }, with: { surrogates: [vote] } }
  onevote: { use: rollout, from: { model: m, data: d, captioners: m }, with: { surrogates: [likelihood] } }
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
        says: "the surrogate `teacher` has no captioner",
        expected: "an endpoint",
      },
      {
        under: "[vote]",
        says: "the surrogate `vote` has no captioners",
        expected: "captioners: { all: captioner }",
      },
      { under: "m", says: "the input `captioners` of `rollout` needs all points" },
      {
        under: '{ url: "http://[::1]:8000/v1", model: x }',
        says: "`solver` is both an input and an endpoint",
      },
    ],
  ],
  "a missing local file": [
    `stages: { a: { use: files, with: { path: nowhere/x.txt } } }`,
    [{ under: "nowhere/x.txt", says: "`nowhere/x.txt` of the stage `a` does not exist" }],
  ],
};
