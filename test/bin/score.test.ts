/** `pipe score` as a filter and as a co-process. What the scores are is tested in `test/tasks`. */
import { assert, it } from "@effect/vitest";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { createInterface } from "node:readline";
import path from "node:path";
import { inRig, jsonLines, type Rig } from "../rig/Rig.ts";
import { root } from "../rig/build.ts";

const grid = [
  [1, 2, 3, 4],
  [3, 4, 1, 2],
  [2, 1, 4, 3],
  [4, 3, 2, 1],
];
const puzzle = grid.map((row, index) => row.map((digit, column) => (column === index ? 0 : digit)));
const caption = JSON.stringify(
  puzzle.map((row) => row.map((digit) => (digit === 0 ? "-" : digit))),
);

const transcript = (id: string | number, answer: unknown = grid) => ({
  id,
  task: "sudoku",
  ground_truth: JSON.stringify(puzzle),
  response: `<caption>${caption}</caption>\nso\n<answer>${JSON.stringify(answer)}</answer>`,
});

const right = { outcome: true, perception: true, perception_f1: 1, consistent: true, reason: null };

const score = async (rig: Rig, input: string) => {
  const { child, ended } = rig.start(["score"]);
  child.stdin?.end(input);
  return ended;
};

const text = (lines: ReadonlyArray<unknown>) =>
  lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");

it(
  "answers every line in order: id, verdict and reason",
  inRig(async (rig) => {
    const wrong = grid.map((row) => row.toReversed());
    const lines = [
      transcript("a"),
      transcript("b", wrong),
      { ...transcript(3), ground_truth: puzzle },
      {
        ...transcript("d"),
        response: `so\n<answer>${JSON.stringify(grid)}</answer>`,
        mode: "counterfactual",
      },
    ];
    const { code, stdout, stderr } = await score(rig, text(lines));
    assert.strictEqual(code, 0);
    assert.strictEqual(stderr, "");
    const answers = jsonLines(stdout);
    assert.deepStrictEqual(answers[0], { id: "a", ...right });
    assert.deepInclude(answers[1], { id: "b", outcome: false, perception: true });
    assert.isString(answers[1]?.["reason"]);
    assert.deepStrictEqual(answers[2], { id: 3, ...right });
    assert.deepInclude(answers[3], { id: "d", outcome: true });
    assert.isFalse(rig.has(".pipe"));
  }),
);

it(
  "answers a bad line with an error object in its place, exits 0 and counts them on stderr",
  inRig(async (rig) => {
    const bad = [
      "not json",
      "{",
      "null",
      "[]",
      "42",
      '"text"',
      "{}",
      { ...transcript("x"), task: "chess" },
      { ...transcript("x"), ground_truth: "{" },
      { ...transcript("x"), ground_truth: [[1]] },
      { ...transcript("x"), response: 7 },
      { ...transcript("x"), mode: "sideways" },
      `{"id": "x", "task": "sudoku", "ground_truth": ${"[".repeat(20_000)}`,
      "\u0000\u001B[2J\uFFFD",
      '{"__proto__": {"id": 1}, "task": "constructor"}',
    ];
    const { code, stdout, stderr } = await score(
      rig,
      text(bad.flatMap((line, index) => [transcript(index), line])),
    );
    assert.strictEqual(code, 0);
    assert.strictEqual(stderr, `${bad.length} lines could not be scored\n`);
    const answers = jsonLines(stdout);
    assert.strictEqual(answers.length, 2 * bad.length);
    for (const index of bad.keys()) {
      assert.deepStrictEqual(answers[2 * index], { id: index, ...right });
      assert.isString(answers[2 * index + 1]?.["error"], JSON.stringify(bad[index]));
    }
    assert.notInclude(stdout, "\u001B");
  }),
);

it(
  "accepts CRLF, blank lines, single bytes, and a missing newline at the end",
  inRig(async (rig) => {
    const { child, ended } = rig.start(["score"]);
    const line = JSON.stringify({ ...transcript("λ 日本"), note: "é" });
    for (const byte of Buffer.from(`\n${line}\r\n\n`)) child.stdin?.write(Uint8Array.of(byte));
    child.stdin?.end(line);
    const { code, stdout } = await ended;
    assert.strictEqual(code, 0);
    assert.deepStrictEqual(
      jsonLines(stdout),
      [1, 2].map(() => ({ id: "λ 日本", ...right })),
    );
  }),
);

it(
  "prints nothing for no input",
  inRig(async (rig) => {
    assert.deepStrictEqual(await score(rig, ""), { code: 0, stdout: "", stderr: "" });
  }),
);

it(
  "answers each line at once when lines come one by one",
  inRig(async (rig) => {
    const { child, ended } = rig.start(["score"]);
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error("no pipes");
    const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
    for (let round = 0; round < 50; round += 1) {
      stdin.write(round % 10 === 9 ? "bad\n" : `${JSON.stringify(transcript(round))}\n`);
      // Nothing more is written until the answer arrives: a buffering scorer would hang here.
      const { value } = await answers.next();
      const answer = JSON.parse(String(value)) as Record<string, unknown>;
      if (round % 10 === 9) assert.property(answer, "error");
      else assert.deepStrictEqual(answer, { id: round, ...right });
    }
    stdin.end();
    assert.strictEqual((await ended).code, 0);
  }),
);

it(
  "ends without an error when its reader closes",
  inRig(async (rig) => {
    rig.write("lines", text(Array.from({ length: 20_000 }, (_, index) => transcript(index))));
    const pipe = path.join(root, "bin/pipe");
    const shell = spawn("sh", ["-c", `"${pipe}" score < lines | head -n 1`], {
      cwd: rig.directory,
    });
    const out = { stdout: "", stderr: "" };
    shell.stdout.on("data", (chunk) => (out.stdout += String(chunk)));
    shell.stderr.on("data", (chunk) => (out.stderr += String(chunk)));
    const [code] = (await once(shell, "close")) as [number];
    assert.strictEqual(code, 0);
    assert.strictEqual(out.stderr, "");
    assert.strictEqual(jsonLines(out.stdout).length, 1);
  }),
);

it(
  "scores 50,000 lines, each answered in its place",
  inRig(async (rig) => {
    const count = 50_000;
    rig.write("lines", text(Array.from({ length: count }, (_, index) => transcript(index))));
    const { child, ended } = rig.start(["score"]);
    fs.createReadStream(rig.path("lines")).pipe(child.stdin as NodeJS.WritableStream);
    const { code, stdout } = await ended;
    assert.strictEqual(code, 0);
    const answers = jsonLines(stdout);
    assert.strictEqual(answers.length, count);
    assert.isTrue(
      answers.every((answer, index) => answer["id"] === index && answer["outcome"] === true),
    );
  }),
);
