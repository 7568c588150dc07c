/** The blocks that a page marks are those that the scorer reads, and nothing of a response is lost. */
import { assert, describe, it } from "@effect/vitest";
import { Result, Schema } from "effect";
import { markTranscript, type Segment } from "../../report/transcript/markTranscript.ts";
import { readBlocks } from "../../tasks/transcript.ts";

const Piece = Schema.Literals([
  "<caption>",
  "</caption>",
  "<answer>",
  "</answer>",
  "[[0,1],[1,2]]",
  '{"0":"a"}',
  " so ",
  "\n",
]);

const textOf = (segments: ReadonlyArray<Segment>, ...kinds: ReadonlyArray<Segment["kind"]>) =>
  segments.flatMap(({ kind, text }) => (kinds.includes(kind) ? [text] : [])).join("");

describe("markTranscript", () => {
  it.prop("marks the scorer's blocks", [Schema.Array(Piece)], ([pieces]) => {
    const response = pieces.join("");
    const { segments } = markTranscript(response, "[[0,1]]");
    const { caption, answer } = readBlocks(response);
    assert.strictEqual(textOf(segments, "rest", "caption", "wrong", "answer"), response);
    assert.strictEqual(
      textOf(segments, "caption", "wrong"),
      Result.getOrElse(caption, () => ""),
    );
    assert.strictEqual(
      textOf(segments, "answer"),
      Result.getOrElse(answer, () => ""),
    );
  });

  it("marks extra edges and names missing ones, whatever the order of their ends", () => {
    const { segments, missing } = markTranscript(
      "<caption>[[1,0],[0,2]]</caption>",
      "[[0,1],[1,3]]",
    );
    assert.strictEqual(textOf(segments, "wrong"), "[0,2]");
    assert.deepStrictEqual(missing, ["[1,3]"]);
  });

  it("marks wrong cells of a grid", () => {
    const { segments, missing } = markTranscript(
      '<caption>[[1,"-",3],[2,1,"-"]]</caption>',
      '[[1,"-",2],[2,1,"-"]]',
    );
    assert.strictEqual(textOf(segments, "wrong"), "3");
    assert.deepStrictEqual(missing, []);
  });
});
