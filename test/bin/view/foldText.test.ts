/** Lines that are wider than the terminal. */
import { assert, describe, it } from "@effect/vitest";
import { stripVTControlCharacters } from "node:util";
import { foldText } from "../../../bin/view/foldText.ts";

const lines = [
  "  run     model[seed=0]                        sft        steps 90 → 77 (--set model.steps=77) · about 31 s (18 s–55 s)",
  "  seed=0          a    0.195 [0.040, 0.582] n 200  0.475 [0.188, 0.780] n 200  +0.280 [-0.202, +0.622]  within noise",
  "22:55:05  step 70  L_p 0.619  L_r 0.209  lambda 0.0943  token_share_p 0.0943  grad_norm 1.29  tokens_per_second 1569",
  "estimate: about 1 m 25 s (50 s–2 m) of work, about 42 s (25 s–1 m 13 s) with 2 jobs, if every pending node runs",
  "\u001B[1mp1-2\u001B[22m · done · started 2026-11-28 22:54, took 45 s · 9 made, 3 cached · --set model.steps=90",
];

const withoutSpaces = (text: string): string => text.replaceAll(/\s+/gu, "");

describe("a line that is wider than the terminal", () => {
  it("is folded between words, below its columns", () => {
    assert.strictEqual(
      foldText(lines[0]!, 80),
      [
        "  run     model[seed=0]                        sft        steps 90 → 77",
        "          (--set model.steps=77) · about 31 s (18 s–55 s)",
      ].join("\n"),
    );
    assert.strictEqual(
      foldText(lines[2]!, 60),
      [
        "22:55:05  step 70  L_p 0.619  L_r 0.209  lambda 0.0943",
        "                   token_share_p 0.0943  grad_norm 1.29",
        "                   tokens_per_second 1569",
      ].join("\n"),
    );
  });

  it("fits, loses nothing, and keeps numbers with their units", () => {
    for (const columns of [60, 80, 120])
      for (const line of lines) {
        const folded = foldText(line, columns).split("\n");
        for (const part of folded) {
          const bare = stripVTControlCharacters(part);
          assert.isAtMost(bare.length, columns, part);
          assert.notMatch(bare, /^ *(?:s|m|made|cached|jobs|\d+\])(?![\w])/u);
        }
        assert.strictEqual(withoutSpaces(folded.join("\n")), withoutSpaces(line));
      }
  });

  it("keeps a command to type and a quoted source line whole", () => {
    const command = `pipe run study.yaml ${"--set model.steps=90 ".repeat(4).trim()}`;
    assert.strictEqual(foldText(`continue with: ${command}`, 60), `continue with:\n  ${command}`);
    const quotation = `12 | ${"word ".repeat(20)}\n   | ^^^^`;
    assert.strictEqual(foldText(quotation, 60), quotation);
  });

  it("is left alone where it fits, and where it is one word", () => {
    assert.strictEqual(foldText("short\n\n  lines", 60), "short\n\n  lines");
    assert.strictEqual(foldText(`/${"a".repeat(70)}`, 60), `/${"a".repeat(70)}`);
  });
});
