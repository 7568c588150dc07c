/** File names for texts: acceptable to every file system, and different for different texts. */
import { assert, it } from "@effect/vitest";
import { Schema } from "effect";
import { fileName } from "../../cache/fileName.ts";

it("an acceptable text is its own file name", () => {
  for (const text of [
    "model[loss=λ=0.3,seed=0]",
    "table",
    "日本語",
    "a-b_c.d+e~f",
    "x".repeat(200),
  ])
    assert.strictEqual(fileName(text), text);
});

it.prop("any text becomes one name that fits", [Schema.String], ([text]) => {
  const name = fileName(text);
  assert.isAtMost(Buffer.byteLength(name), 255);
  assert.notMatch(name, /[\p{Cc}/\\:*?"<>|]/u);
  assert.notInclude(["", ".", ".."], name);
});

it.prop("two texts have two names", [Schema.String, Schema.String], (texts) => {
  // Lone surrogates have no digest, and an experiment can't contain them.
  const [one = "", other = ""] = texts.map((text) => text.toWellFormed());
  const long = "λ".repeat(150);
  for (const [a, b] of [
    [one, other],
    [long + one, long + other],
    [`${one}/`, `${one}:`],
    [one, fileName(one)],
  ] as const)
    if (a !== b) assert.notStrictEqual(fileName(a), fileName(b));
});
