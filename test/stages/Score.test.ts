/** The truths that `score` judges by, and the predictions that it refuses. */
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type DatasetRow, splitFile, SplitWriter } from "../../kinds/Dataset.ts";
import type { Prediction } from "../../kinds/Predictions.ts";
import { readScores } from "../../kinds/Scores.ts";
import { scoreRun } from "../../stages/Score.run.ts";
import type { StageContext } from "../../stages/StageRun.ts";

const edges = "[[0,1]]";
const row = (id: string): DatasetRow => ({
  id,
  task: "graph-coloring",
  query: "",
  image: { bytes: new Uint8Array(), path: "" },
  ground_truth: `{"v":2,"c":2,"edges":${edges}}`,
  perception: edges,
  response: "",
});

const right = `<caption>${edges}</caption>\n<answer>{"0":"a","1":"b"}</answer>`;
const wrong = `<caption>${edges}</caption>\n<answer>{"0":"a","1":"a"}</answer>`;
const line = (id: string, mode: Prediction["mode"], response = right): Prediction => ({
  id,
  mode,
  response,
  tokens: 9,
});

/** Scores predictions of a data set with the splits `test` and `train_rl`. */
const score = async (endToEnd: ReadonlyArray<Prediction>, forced: ReadonlyArray<Prediction>) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-score-"));
  try {
    const data = path.join(directory, "data");
    for (const split of ["test", "train_rl"]) {
      const writer = new SplitWriter(data, split);
      for (const index of [0, 1]) writer.add(row(`${split}-00000${index}`));
      writer.finish();
    }
    // Reading it would fail.
    fs.writeFileSync(splitFile(data, "train_rl"), "damaged");
    const predictions = (name: string, lines: ReadonlyArray<Prediction>) => {
      fs.mkdirSync(path.join(directory, name));
      const text = lines.map((each) => `${JSON.stringify(each)}\n`).join("");
      fs.writeFileSync(path.join(directory, name, "predictions.jsonl"), text);
      return { directory: path.join(directory, name) };
    };
    const inputs = {
      data: { directory: data },
      end_to_end: predictions("end_to_end", endToEnd),
      counterfactual: predictions("counterfactual", forced),
    };
    const messages: Array<string> = [];
    const report = ({ message }: { readonly message: string }) =>
      Effect.sync(() => messages.push(message));
    const context = {
      params: {},
      inputs,
      output: directory,
      report,
    } as unknown as StageContext<never>;
    const run = scoreRun.run(context) as unknown as Effect.Effect<
      { readonly summary: object },
      Error
    >;
    const { summary } = await Effect.runPromise(run);
    return { summary, lines: readScores(directory), messages };
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

const refused = (
  endToEnd: ReadonlyArray<Prediction>,
  forced: ReadonlyArray<Prediction>,
  message: RegExp,
) =>
  score(endToEnd, forced).then(
    () => assert.fail("it was scored"),
    (error: Error) => assert.match(error.message, message),
  );

describe("score", () => {
  const [seen, forced] = [line("test-000000", "end-to-end"), line("test-000000", "counterfactual")];

  it("judges by the split that was predicted and reads no other", async () => {
    const { summary, lines } = await score(
      [seen, line("test-000001", "end-to-end", wrong)],
      [forced, line("test-000001", "counterfactual")],
    );
    assert.deepStrictEqual(summary, { n: 2, a: 0.5, a_p: 1, a_r: 1 });
    assert.deepStrictEqual(
      lines.map(({ id, mode, outcome }) => [id, mode, outcome]),
      [
        ["test-000000", "end-to-end", true],
        ["test-000001", "end-to-end", false],
        ["test-000000", "counterfactual", true],
        ["test-000001", "counterfactual", true],
      ],
    );
  });

  it("gives pictures of one instance the same hash, and says how a caption differs", async () => {
    const other = "<caption>[]</caption><answer>{}</answer>";
    const { lines } = await score(
      [seen, line("test-000001", "end-to-end", other)],
      [forced, line("test-000001", "counterfactual")],
    );
    assert.strictEqual(new Set(lines.map(({ instance }) => instance)).size, 1);
    assert.match(lines[0]!.instance!, /^[\da-f]{16}$/u);
    assert.deepStrictEqual(
      lines.map(({ errors }) => errors),
      [
        { extra: 0, missing: 0, wrong: 0 },
        { extra: 0, missing: 1, wrong: 0 },
        undefined,
        undefined,
      ],
    );
  });

  it("tells a response that was cut off from one without an answer, and warns of many", async () => {
    const silent = `<caption>${edges}</caption>\nThe first`;
    const { lines, messages } = await score(
      [{ ...line("test-000000", "end-to-end", silent), truncated: true }],
      [line("test-000000", "counterfactual", silent)],
    );
    assert.deepStrictEqual(
      lines.map(({ reason }) => reason),
      ["truncated", "no-answer"],
    );
    assert.match(messages.join(), /^1 of 2 responses ended before an answer/u);
    const open = await score([line("test-000000", "end-to-end", "<caption>[")], [forced]);
    assert.strictEqual(open.lines[0]?.reason, "truncated");
    assert.deepStrictEqual(open.messages, []);
  });

  it("takes both modes from one artifact", async () => {
    const both = [seen, forced];
    assert.deepStrictEqual(await score(both, both), await score([seen], [forced]));
  });

  it("refuses an example that the data set lacks", () =>
    refused(
      [line("test-000009", "end-to-end")],
      [line("test-000009", "counterfactual")],
      /test-000009 answers no example/u,
    ));
  it("refuses a split that the data set lacks", () =>
    refused(
      [line("other-000000", "end-to-end")],
      [line("other-000000", "counterfactual")],
      /other-000000 answers no example/u,
    ));
  it("refuses two answers to one example", () =>
    refused([seen, seen], [forced], /two predictions for test-000000/u));
  it("refuses an answer in the other mode", () =>
    refused([forced], [seen], /input of end-to-end predictions has counterfactual ones/u));
  it("refuses an example answered in one mode only", () =>
    refused([seen, line("test-000001", "end-to-end")], [forced], /test-000001 .* one mode only/u));
});
