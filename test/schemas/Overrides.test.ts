import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import { flagsOf, Overrides } from "../../schemas/Overrides.ts";

const overrides = {
  set: ["model.steps=300", 'c.env={ A: "x y" }'],
  axis: ["seed=0,1"],
  only: ["model[seed=0]"],
};

describe("overrides on disk", () => {
  it("are encoded as data", () => {
    assert.deepStrictEqual(Schema.encodeSync(Overrides)(overrides), overrides);
    assert.deepStrictEqual(Schema.decodeUnknownSync(Overrides)(overrides), overrides);
  });

  it("of older runs and bundles are decoded from their flags", () => {
    const flags = flagsOf(overrides).map((pair) => pair.join(" "));
    assert.deepStrictEqual(Schema.decodeUnknownSync(Overrides)(flags), overrides);
    assert.deepStrictEqual(Schema.decodeUnknownSync(Overrides)([]), {
      set: [],
      axis: [],
      only: [],
    });
  });
});
