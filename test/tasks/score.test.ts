import { assert, describe, it } from "@effect/vitest";
import { type FailureReason, failureReasons } from "../../tasks/FailureReason.ts";
import { graphColoring } from "../../tasks/graph-coloring/index.ts";
import { Random } from "../../stats/Random.ts";
import { isScoreError, type Score, scoreLine, scoreTranscript } from "../../tasks/score.ts";
import { sudoku } from "../../tasks/sudoku/index.ts";
import { taskNames } from "../../tasks/tasks.ts";
import { captionText, respond } from "../../tasks/transcript.ts";
import { graphParams, sudokuParams } from "./params.ts";

const square = {
  v: 4,
  c: 2,
  edges: [
    [0, 1],
    [0, 3],
    [1, 2],
    [2, 3],
  ],
};
const squareCaption = "<caption>[[0,1],[0,3],[1,2],[2,3]]</caption>";
const squareAnswer = '<answer>{"0":"a","1":"b","2":"a","3":"b"}</answer>';

const puzzle = [
  [1, 0, 3, 4],
  [3, 4, 0, 0],
  [2, 1, 4, 3],
  [4, 3, 0, 1],
];
const puzzleCaption = '<caption>[[1,"-",3,4],[3,4,"-","-"],[2,1,4,3],[4,3,"-",1]]</caption>';
const puzzleAnswer = "<answer>[[1,2,3,4],[3,4,1,2],[2,1,4,3],[4,3,2,1]]</answer>";

const score = (task: string, ground_truth: unknown, response: string, more: object = {}): Score => {
  const scored = scoreTranscript({ id: "x", task, ground_truth, response, ...more });
  if (isScoreError(scored)) throw new Error(scored.error);
  return scored;
};
const graph = (response: string, more?: object) => score("graph-coloring", square, response, more);
const grid = (response: string, more?: object) => score("sudoku", puzzle, response, more);

const allRight = {
  id: "x",
  outcome: true,
  perception: true,
  perception_f1: 1,
  consistent: true,
  reason: null,
};

describe("a right transcript", () => {
  it("passes all four measures", () => {
    assert.deepStrictEqual(graph(`${squareCaption}\nwords\n${squareAnswer}`), allRight);
    assert.deepStrictEqual(grid(`${puzzleCaption}\nwords\n${puzzleAnswer}`), allRight);
  });

  it.each([
    "<caption>\n```json\n[[0, 1], [0, 3],\n [1, 2], [2, 3]]\n```\n</caption>",
    "<caption>[[3,2],[1,0],[2,1],[3,0]]</caption>",
    "<caption>[[0,1],[1,0],[0,3],[1,2],[2,3],[2,3]]</caption>",
    '<caption>[["0","1"],["0"," 3"],[1,2],[2,3]]</caption>',
    "<caption>[(0, 1), (0, 3), (1, 2), (2, 3),]</caption>",
    '<caption>{"edges": [[0,1],[0,3],[1,2],[2,3]]}</caption>',
    "<caption>The edges:\n```json\n[[0,1],[0,3],[1,2],[2,3]]\n```\nThat is all.</caption>",
    "I write <caption> first. <caption>[[0,1],[0,3],[1,2],[2,3]]</caption>",
  ])("reads the graph caption %s", (caption) => {
    assert.deepStrictEqual(graph(caption + squareAnswer), allRight);
  });

  it.each([
    '<answer>["a","b","a","b"]</answer>',
    '<answer>{"0":"A","1":"B","2":"a","3":"b"}</answer>',
    "<answer>[1, 2, 1, 2]</answer>",
    '<answer>{"3":"b","2":"a","1":"b","0":"a"}</answer>',
    "<answer>{0: 'a', 1: 'b', 2: 'a', 3: 'b'}</answer>",
    "<answer>{0: red, 1: blue, 2: red, 3: blue}</answer>",
    '<answer>\n```\n["a","b","a","b"]\n```</answer>',
    '<answer>[]</answer> no: <answer>["a","b","a","b"]</answer>',
    '<answer>["a","b","a","b"]</answer> and </answer',
  ])("reads the colouring %s", (answer) => {
    assert.deepStrictEqual(graph(squareCaption + answer), allRight);
  });

  it.each([
    "<caption>[[1,0,3,4],[3,4,0,0],[2,1,4,3],[4,3,0,1]]</caption>",
    '<caption>[[1,".",3,4],[3,4,"_",""],[2,1,4,3],[4,3,null,1]]</caption>',
    '<caption>[["1","0","3","4"],["3","4"," ","-"],["2","1","4","3"],["4","3","-","1"]]</caption>',
    "<caption>[[1,-,3,4],[3,4,.,None],[2,1,4,3],[4,3,_,1]]</caption>",
    "<caption>```json\n[[1,0,3,4],\n[3,4,0,0],\n[2,1,4,3],\n[4,3,0,1]]```</caption>",
  ])("reads the grid %s", (caption) => {
    assert.deepStrictEqual(grid(caption + puzzleAnswer), allRight);
  });

  it("accepts null for optional fields", () => {
    assert.deepStrictEqual(
      graph(squareCaption + squareAnswer, { mode: null, perception: null }),
      allRight,
    );
  });

  it("accepts the ground truth as a string of JSON, without c", () => {
    const { c: _, ...bare } = square;
    assert.deepStrictEqual(
      score("graph-coloring", JSON.stringify(bare), squareCaption + squareAnswer),
      allRight,
    );
    assert.deepStrictEqual(
      score("sudoku", JSON.stringify(puzzle), puzzleCaption + puzzleAnswer),
      allRight,
    );
  });

  it.each([
    [
      "graph-coloring",
      (i: number) => graphParams({ vertices: 2 + (i % 13), density: (i % 10) / 10 }),
    ],
    [
      "sudoku",
      (i: number) =>
        sudokuParams({ size: [4, 6, 9][i % 3]!, blanks: 4 + (i % 7) * [1, 2, 7][i % 3]! }),
    ],
  ] as const)("is what the solver writes, for %s of every size", (name, params) => {
    const task = name === "sudoku" ? sudoku : graphColoring;
    for (let i = 0; i < 1500; i++) {
      // @ts-expect-error the pair of task and params is right by construction
      const truth = task.generate(params(i), Random.of("solver", i));
      // @ts-expect-error as above
      const [response, ground_truth] = [respond(task, truth), task.groundTruth(truth)];
      assert.deepStrictEqual(score(name, ground_truth, response), allRight, response);
    }
  });
});

describe("reasons", () => {
  const wrongCaption = "<caption>[[0,1],[0,3],[1,2]]</caption>";
  const cases: ReadonlyArray<readonly [FailureReason, string, () => Score]> = [
    ["no-caption", "nothing at all", () => graph("")],
    ["no-caption", "an answer alone", () => graph(squareAnswer)],
    ["no-answer", "a caption alone", () => graph(squareCaption)],
    [
      "no-answer",
      "the answer stands before the caption",
      () => graph(squareAnswer + squareCaption),
    ],
    ["truncated", "the caption never closes", () => graph("<caption>[[0,1],[0,")],
    ["truncated", "the answer never closes", () => graph(`${squareCaption}\n<answer>{"0":"a"`)],
    [
      "bad-json",
      "a caption of words",
      () => graph(`<caption>a square: four edges</caption>${squareAnswer}`),
    ],
    ["bad-json", "an empty caption", () => graph(`<caption></caption>${squareAnswer}`)],
    [
      "bad-json",
      "an answer with a bracket too few",
      () => grid(`${puzzleCaption}<answer>[[1,2,3,4],[3,4,1,2]</answer>`),
    ],
    [
      "bad-caption",
      "an edge of three vertices",
      () => graph(`<caption>[[0,1,2]]</caption>${squareAnswer}`),
    ],
    ["bad-caption", "a loop", () => graph(`<caption>[[1,1]]</caption>${squareAnswer}`)],
    [
      "bad-caption",
      "a digit beyond the size",
      () => grid(puzzleCaption.replace("[2,1", "[5,1") + puzzleAnswer),
    ],
    [
      "bad-caption",
      "a grid that is a word",
      () => grid(`<caption>"grid"</caption>${puzzleAnswer}`),
    ],
    [
      "bad-answer",
      "a colour that is a list",
      () => graph(`${squareCaption}<answer>[["a"],"b","a","b"]</answer>`),
    ],
    [
      "bad-answer",
      "an answer for a vertex called x",
      () => graph(`${squareCaption}<answer>{"x":"a"}</answer>`),
    ],
    ["bad-answer", "a number", () => grid(`${puzzleCaption}<answer>7</answer>`)],
    [
      "wrong-size",
      "a caption that names a fifth vertex",
      () => graph(`<caption>[[0,4]]</caption>${squareAnswer}`),
    ],
    [
      "wrong-size",
      "a vertex without a colour",
      () => graph(`${squareCaption}<answer>["a","b","a"]</answer>`),
    ],
    [
      "wrong-size",
      "a colour too many",
      () => graph(`${squareCaption}<answer>["a","b","a","b","a"]</answer>`),
    ],
    [
      "wrong-size",
      "a caption of three rows",
      () => grid(`<caption>[[1,0,3,4],[3,4,0,0],[2,1,4,3]]</caption>${puzzleAnswer}`),
    ],
    [
      "wrong-size",
      "an answer with a long row",
      () => grid(`${puzzleCaption}<answer>[[1,2,3,4,1],[3,4,1,2],[2,1,4,3],[4,3,2,1]]</answer>`),
    ],
    [
      "conflict",
      "neighbours of one colour",
      () => graph(`${squareCaption}<answer>["a","a","b","b"]</answer>`),
    ],
    [
      "not-minimal",
      "a colour more than needed",
      () => graph(`${squareCaption}<answer>["a","b","a","c"]</answer>`),
    ],
    [
      "clue-changed",
      "a clue overwritten",
      () => grid(`${puzzleCaption}<answer>[[2,1,3,4],[3,4,1,2],[1,2,4,3],[4,3,2,1]]</answer>`),
    ],
    [
      "not-a-solution",
      "a digit twice in a row",
      () => grid(`${puzzleCaption}<answer>[[1,2,3,4],[3,4,1,1],[2,1,4,3],[4,3,2,1]]</answer>`),
    ],
    [
      "not-a-solution",
      "a cell left blank",
      () => grid(`${puzzleCaption}<answer>${JSON.stringify(puzzle)}</answer>`),
    ],
    [
      "misperceived",
      "an edge not seen, the answer right",
      () => graph(wrongCaption + squareAnswer),
    ],
  ];

  it.each(cases)("%s: %s", (reason, _, scored) => {
    assert.strictEqual(scored().reason, reason);
  });

  it("all occur above", () => {
    assert.deepStrictEqual(
      new Set(cases.map(([reason]) => reason)),
      new Set(Object.keys(failureReasons)),
    );
  });

  it("come in order: caption unreadable, answer unreadable, answer wrong, caption wrong", () => {
    assert.strictEqual(graph("<caption>[[0,1]").reason, "truncated");
    assert.strictEqual(graph("<caption>x</caption><answer>").reason, "bad-json");
    assert.strictEqual(graph(`${wrongCaption}<answer>`).reason, "truncated");
    assert.strictEqual(
      graph(`${wrongCaption}<answer>["a","a","b","b"]</answer>`).reason,
      "conflict",
    );
  });
});

describe("the four measures", () => {
  it("outcome does not need a caption; perception does not need an answer", () => {
    assert.deepInclude(graph(squareAnswer), {
      outcome: true,
      perception: false,
      perception_f1: 0,
      consistent: false,
    });
    assert.deepInclude(graph(squareCaption), {
      outcome: false,
      perception: true,
      perception_f1: 1,
      consistent: false,
    });
  });

  it("perception_f1 counts edges", () => {
    const { perception, perception_f1 } = graph("<caption>[[0,1],[0,3],[0,2]]</caption>");
    assert.isFalse(perception);
    // 2 true positives; the instance has 4 edges, the caption 3.
    assert.closeTo(perception_f1, 4 / 7, 1e-12);
    assert.strictEqual(
      score("graph-coloring", { v: 2, c: 1, edges: [] }, "<caption>[]</caption>").perception_f1,
      1,
    );
    assert.strictEqual(
      score("graph-coloring", { v: 2, c: 1, edges: [] }, "<caption>[[0,1]]</caption>")
        .perception_f1,
      0,
    );
  });

  it("perception_f1 counts given digits: a wrong one is both missed and invented", () => {
    // One of 12 clues is misread, one missed, one invented: 10 true positives of 12 and 12.
    const caption = "<caption>[[2,2,3,4],[3,4,0,0],[0,1,4,3],[4,3,0,1]]</caption>";
    assert.closeTo(grid(caption).perception_f1, 20 / 24, 1e-12);
  });

  it("consistent judges the answer by the model's own caption", () => {
    const triangle = "<caption>[[0,1],[1,2],[0,2]]</caption>";
    assert.deepInclude(graph(`${triangle}<answer>["a","b","c","a"]</answer>`), {
      outcome: false,
      perception: false,
      consistent: true,
    });
    assert.deepInclude(graph(triangle + squareAnswer), { outcome: true, consistent: false });
    const otherPuzzle = "<caption>[[2,0,0,0],[0,0,0,0],[0,0,0,0],[0,0,0,0]]</caption>";
    const swapped = "<answer>[[2,1,3,4],[3,4,2,1],[1,2,4,3],[4,3,1,2]]</answer>";
    assert.deepInclude(grid(otherPuzzle + swapped), {
      outcome: false,
      perception: false,
      consistent: true,
    });
    assert.deepInclude(grid(otherPuzzle + puzzleAnswer), { outcome: true, consistent: false });
  });

  it("counterfactual: p* is the caption of a response without one", () => {
    const mode = { mode: "counterfactual" };
    assert.deepStrictEqual(graph(squareAnswer, mode), allRight);
    assert.deepStrictEqual(graph(squareCaption + squareAnswer, mode), allRight);
    assert.strictEqual(
      graph(`<caption>[[0,1]]</caption>${squareAnswer}`, mode).reason,
      "misperceived",
    );
    assert.strictEqual(graph("<caption>[[0,1]", mode).reason, "truncated");
  });

  it("a separate p* replaces the truth in perception", () => {
    const perception = "[[0,1],[0,3],[1,2]]";
    assert.isTrue(graph(captionText(perception), { perception }).perception);
    assert.isTrue(
      graph(captionText(perception), { perception: JSON.parse(perception) }).perception,
    );
    assert.isFalse(graph(squareCaption, { perception }).perception);
  });
});

describe("lines that cannot be judged", () => {
  const line = { id: "x", task: "graph-coloring", ground_truth: square, response: "" };
  it.each([
    [null, null, /not a JSON object/],
    [[line], null, /not a JSON object/],
    [{ ...line, id: undefined }, null, /"id"/],
    [
      { ...line, task: "chess" },
      "x",
      new RegExp(`"task" is not one of ${taskNames.join(", ")}`, "u"),
    ],
    [{ ...line, task: "__proto__" }, "x", /"task"/],
    [{ ...line, response: 7 }, "x", /"response"/],
    [{ ...line, mode: "dream" }, "x", /"mode"/],
    [{ ...line, ground_truth: undefined }, "x", /"ground_truth": it is missing/],
    [{ ...line, ground_truth: "{v:" }, "x", /"ground_truth": it is not JSON/],
    [{ ...line, ground_truth: puzzle }, "x", /not an object \{v, c, edges\}/],
    [
      { ...line, ground_truth: { ...square, v: 99 } },
      "x",
      /"v" is not a number of vertices from 1 to 26/,
    ],
    [
      { ...line, ground_truth: { ...square, c: 3 } },
      "x",
      /"c" is 3, but the chromatic number is 2/,
    ],
    [
      { ...line, ground_truth: { v: 2, edges: [[0, 2]] } },
      "x",
      /edge 0 names vertex 2, but there are 2 vertices/,
    ],
    [{ ...line, ground_truth: { v: 2, edges: [[0, 0]] } }, "x", /edge 0 is not a pair/],
    [{ ...line, perception: "[[0,9]]" }, "x", /"perception": it does not describe/],
    [{ ...line, perception: "[[0," }, "x", /"perception": it is not JSON/],
    [{ ...line, task: "sudoku" }, "x", /not a list of 4, 6 or 9 rows/],
    [
      { ...line, task: "sudoku", ground_truth: [[1], [2], [3], [4]] },
      "x",
      /row 1 is not a list of 4 cells/,
    ],
    [
      {
        ...line,
        task: "sudoku",
        ground_truth: [
          [1, 2, 3, 4],
          [0, 0, 5, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      },
      "x",
      /row 2, column 3/,
    ],
    [
      {
        ...line,
        task: "sudoku",
        ground_truth: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      },
      "x",
      /box 1 has a digit twice/,
    ],
  ] as const)("%j", (input, id, error) => {
    const scored = scoreTranscript(input);
    assert.isTrue(isScoreError(scored));
    assert.strictEqual(scored.id, id);
    assert.match((scored as { error: string }).error, error);
  });

  it("a line that is not JSON", () => {
    assert.deepStrictEqual(scoreLine("{"), { id: null, error: "the line is not JSON" });
  });
});
