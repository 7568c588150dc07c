/** Canonical JSON: equal values have equal texts. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { canonicalJson, digestBytes, digestJson, type Json } from "../../schemas/Digest.ts";

const JsonValue = Schema.Json as unknown as Schema.Codec<Json>;

/** Text without half characters, of which canonical JSON knows nothing. */
const wellFormed = (value: Json): Json => {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner as Json)]),
  );
};

describe("canonical JSON", () => {
  it.prop("reads back as the value it was", [JsonValue], ([any]) => {
    const value = wellFormed(any);
    assert.deepStrictEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)));
  });

  const reversed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, reversed(inner as Json)]),
    );
  };
  it.prop("does not hang on the order of keys", [JsonValue], ([any]) => {
    const value = wellFormed(any);
    assert.strictEqual(canonicalJson(reversed(value)), canonicalJson(value));
  });

  // Section 3.2.2 and Appendix B of RFC 8785, and the order of code units of section 3.2.3.
  const vectors: ReadonlyArray<readonly [Json, string]> = [
    [
      { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 },
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
    ],
    [
      [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      "[333333333.3333333,1e+30,4.5,0.002,1e-27]",
    ],
    [
      [-0, 1e21, 1e20, 2 ** 53 + 1, 5e-324],
      "[0,1e+21,100000000000000000000,9007199254740992,5e-324]",
    ],
    ['\u20ac$\u000f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
    [[null, true, false], "[null,true,false]"],
    [{}, "{}"],
  ];
  for (const [value, text] of vectors)
    it(`of ${text}`, () => assert.strictEqual(canonicalJson(value), text));

  it("is of nothing but JSON", () => {
    for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, () => 1, "\uD800"])
      assert.throws(() => canonicalJson(value as never));
  });
});

it("digests are SHA-256 in lower-case hex", () => {
  // FIPS 180-2, appendix B.1
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.strictEqual(digestBytes("abc"), abc);
  assert.strictEqual(digestBytes(Buffer.from("abc")), abc);
  assert.strictEqual(digestJson("abc"), digestBytes('"abc"'));
  assert.strictEqual(digestBytes("λ"), digestBytes(Buffer.from("λ", "utf8")));
});
