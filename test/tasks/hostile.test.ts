import { assert, describe, it } from "@effect/vitest";
import { Random } from "../../stats/Random.ts";
import { failureReasons } from "../../tasks/FailureReason.ts";
import { isScoreError, scoreTranscript } from "../../tasks/score.ts";

const truths = {
  "graph-coloring": {
    v: 4,
    c: 2,
    edges: [
      [0, 1],
      [0, 3],
      [1, 2],
      [2, 3],
    ],
  },
  sudoku: [
    [1, 0, 3, 4],
    [3, 4, 0, 0],
    [2, 1, 4, 3],
    [4, 3, 0, 1],
  ],
} as const;

const names = ["graph-coloring", "sudoku"] as const;

const scored = (task: keyof typeof truths, response: string) =>
  scoreTranscript({ id: 1, task, ground_truth: truths[task], response });

const pieces = [
  "<caption>",
  "</caption>",
  "<answer>",
  "</answer>",
  "```json",
  "```",
  "[",
  "]",
  "{",
  "}",
  "(",
  ")",
  ",",
  ":",
  '"',
  "'",
  "\\",
  "\n",
  "0",
  "1",
  "4",
  "-",
  ".",
  "_",
  "null",
  "None",
  "a",
  '"a"',
  "[0,1]",
  '{"0":"a"}',
  "1e999",
  "-1",
  "99999999999999999999",
  "0.5",
  "__proto__",
  '"__proto__"',
  "constructor",
  "toString",
  "\u0000",
  "\ud800",
  "é",
  "İ",
  "<",
  ">",
  "[[1,2,3,4],[3,4,1,2],[2,1,4,3],[4,3,2,1]]",
];

describe("hostile responses", () => {
  it("get a verdict", () => {
    const random = Random.of("hostile");
    const reasons = new Set<string | null>();
    for (let i = 0; i < 20_000; i++) {
      const body = () =>
        Array.from({ length: random.integer(0, 12) }, () => random.pick(pieces)).join("");
      const response = random.pick([
        body,
        () => `<caption>${body()}</caption>${body()}<answer>${body()}</answer>`,
      ])();
      for (const name of names) {
        const score = scored(name, response);
        if (isScoreError(score)) throw new Error(score.error);
        assert.isTrue(score.reason === null || score.reason in failureReasons);
        assert.strictEqual(score.reason === null, score.outcome && score.perception);
        assert.strictEqual(score.perception, score.perception_f1 === 1);
        reasons.add(score.reason);
      }
    }
    assert.isAtLeast(reasons.size, 7);
  });

  it("cannot reach a prototype", () => {
    const caption = "<caption>[[0,1],[0,3],[1,2],[2,3]]</caption>";
    for (const answer of [
      '{"__proto__":{"x":1},"0":"a"}',
      "{__proto__: {x: 1}, 0: a}",
      '{"constructor":"a"}',
      '{"length":4}',
    ]) {
      assert.include(scored("graph-coloring", `${caption}<answer>${answer}</answer>`), {
        outcome: false,
        reason: "bad-answer",
      });
    }
    assert.isFalse("x" in {});
  });

  const repeated = (piece: string) => (length: number) =>
    piece.repeat(Math.ceil(length / piece.length));
  const inBlocks = (body: (length: number) => string) => (length: number) =>
    `<caption>${body(length)}</caption><answer>${body(length)}</answer>`;
  const shapes = [
    ...[
      "<caption>",
      "</caption>",
      "<answer>",
      "</answer>",
      "<caption></caption>",
      "<answer></answer>",
      "</answer><answer>",
      "<",
    ].map(repeated),
    ...[
      "[",
      "[[",
      "(",
      "{",
      '{"a":',
      "{a:",
      "'",
      '"',
      '"\\',
      " ",
      ",",
      "\n",
      "-",
      "1",
      "1 ",
      "[1,",
      "a",
      "```",
      "``` ",
      "[0,1],",
      "[]",
      "{}",
      "0:",
      "; ",
    ]
      .map(repeated)
      .map(inBlocks),
    inBlocks((length) => `[${"[0,1],".repeat(length / 6)}]`),
    inBlocks((length) => `[${" ".repeat(length)}`),
    inBlocks((length) => `[["${" ".repeat(length)}1"]]`),
  ];

  it("take time linear in their length", () => {
    for (const name of names) {
      for (const shape of shapes) {
        const response = shape(1_000_000);
        const start = process.cpuUsage();
        scored(name, response);
        const { user, system } = process.cpuUsage(start);
        // Seconds of CPU: a quadratic reader takes minutes, a linear one about 0.05 s.
        assert.isBelow((user + system) / 1e6, 20, response.slice(0, 40));
      }
    }
  });

  it("do not make a caption's chromatic number expensive", () => {
    const random = Random.of("chromatic");
    for (let i = 0; i < 200; i++) {
      const density = random.uniform(0.1, 0.9);
      const edges = Array.from({ length: 26 }, (_, a) =>
        Array.from({ length: a }, (_, b) => [b, a]),
      )
        .flat()
        .filter(() => random.uniform() < density);
      const start = process.cpuUsage();
      scoreTranscript({
        id: 1,
        task: "graph-coloring",
        ground_truth: { v: 26, edges: [] },
        response: `<caption>${JSON.stringify(edges)}</caption>`,
      });
      assert.isBelow(process.cpuUsage(start).user / 1e6, 10);
    }
  });
});
