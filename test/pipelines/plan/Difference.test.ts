import { assert, describe, it } from "@effect/vitest";
import { differences, unknownIdentity } from "../../../pipelines/plan/Difference.ts";
import { type KeyFields, keyOf } from "../../../pipelines/plan/Keys.ts";
import type { Json } from "../../../schemas/Digest.ts";

const plain: KeyFields = { stage: "s", version: 1, params: {}, inputs: {} };

const element = (x: string, identity: string) => ({ labels: { x }, identity });

describe("differences", () => {
  /** Values of each field; a key has any combination. */
  const params: ReadonlyArray<Json> = [
    {},
    { a: 1 },
    { a: 2, b: null },
    { a: { c: [1, 2] } },
    { a: { c: [1, 3], d: "" } },
    { a: { c: [1] } },
  ];
  const inputs: ReadonlyArray<KeyFields["inputs"]> = [
    {},
    { in: "one" },
    { in: "two", other: "one" },
    { in: [] },
    { in: [element("1", "one"), element("2", "two")] },
    { in: [element("2", "two"), element("1", "one")] },
    { in: [element("1", "one"), element("2", "one")] },
    { in: [element("1", "one")] },
  ];
  const rest: ReadonlyArray<Partial<KeyFields>> = [
    {},
    { version: 2 },
    { code: "c" },
    { environment: "e" },
    { environment: "f" },
    { sources: { file: "one" } },
    { sources: { file: "two", more: "one" } },
  ];
  const all = params.flatMap((ofParams) =>
    inputs.flatMap((ofInputs) =>
      rest.map((ofRest) => {
        const fields: KeyFields = { ...plain, params: ofParams, inputs: ofInputs, ...ofRest };
        return { fields, key: keyOf(fields) };
      }),
    ),
  );

  it("exist exactly when the keys differ", () => {
    for (const { fields: old, key: before } of all)
      for (const { fields: now, key: after } of all) {
        const isSaid = differences(old, now).length > 0;
        if (isSaid !== (before !== after))
          assert.fail(`${JSON.stringify(old)} and ${JSON.stringify(now)}`);
      }
  });

  it("descend into params while both sides have the same shape", () => {
    const old = { ...plain, params: { task: { kind: "x", sizes: [1, 2] }, gone: 1 } };
    const now = { ...plain, params: { task: { kind: "x", sizes: [1, 3] }, come: { a: 1 } } };
    assert.deepStrictEqual(differences(old, now), [
      { _tag: "Param", path: ["task", "sizes", 1], old: 2, new: 3 },
      { _tag: "Param", path: ["come"], new: { a: 1 } },
      { _tag: "Param", path: ["gone"], old: 1 },
    ]);
  });

  it("ignore an input that must be made first", () => {
    const old = { ...plain, inputs: { a: "one", b: [element("1", "one")] } };
    const now = { ...plain, inputs: { a: unknownIdentity, b: [element("1", unknownIdentity)] } };
    assert.deepStrictEqual(differences(old, now), []);
  });

  it("do not depend on the order of axes in the labels of an element", () => {
    const one = { labels: { x: "1", y: "2" }, identity: "one" };
    const other = { labels: { y: "2", x: "1" }, identity: "two" };
    const found = differences(
      { ...plain, inputs: { a: [one] } },
      { ...plain, inputs: { a: [other] } },
    );
    assert.deepStrictEqual(found, [
      { _tag: "Input", input: "a", labels: other.labels, old: "one", new: "two" },
    ]);
  });
});
