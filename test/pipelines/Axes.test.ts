/** Axes as named dimensions: points, their order, projections, and what `$axis` stands for. */
import { assert, describe, it } from "@effect/vitest";
import { Schema } from "effect";
import {
  type Axis,
  indexOfPoint,
  labelsOf,
  mentionedAxes,
  pointsOf,
  project,
  readAxes,
  substitute,
} from "../../pipelines/Axes.ts";
import { parseSource, Source, toJson } from "../../pipelines/Source.ts";

const axesOf = (yaml: string): ReadonlyArray<Axis> =>
  readAxes(parseSource(new Source("axes.yaml", yaml)).value).axes;

const axesOfSizes = (sizes: ReadonlyArray<number>) =>
  axesOf(
    `{ ${sizes.map((size, index) => `x${index}: [${Array.from({ length: size }, (_, value) => value).join(", ")}]`).join(", ")} }`,
  );

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }));
const Sizes = Schema.Array(Size).check(Schema.isMaxLength(4));

describe("points", () => {
  it.prop("are all different, and as many as the product of the sizes", [Sizes], ([sizes]) => {
    const points = pointsOf(axesOfSizes(sizes));
    const product = sizes.reduce((all, size) => all * size, 1);
    assert.strictEqual(new Set(points.map(String)).size, product);
    assert.strictEqual(points.length, product);
  });

  it.prop("stand where indexOfPoint says", [Sizes], ([sizes]) => {
    const axes = axesOfSizes(sizes);
    for (const [index, point] of pointsOf(axes).entries())
      assert.strictEqual(indexOfPoint(axes, point), index);
  });

  it.prop("projected onto some axes keep their values there", [Sizes], ([sizes]) => {
    const axes = axesOfSizes(sizes);
    const some = axes.filter((_, index) => index % 2 === 1);
    for (const point of pointsOf(axes)) {
      const labels = labelsOf(axes, point);
      const expected = Object.fromEntries(some.map(({ name }) => [name, labels[name]]));
      assert.deepStrictEqual(labelsOf(some, project(axes, point, some)), expected);
    }
  });

  it("run through the last axis fastest", () =>
    assert.deepStrictEqual(pointsOf(axesOfSizes([2, 2])), [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]));
});

describe("what stands in a value:", () => {
  const axes = axesOf(
    "{ loss: [{ label: λ=0.3, kind: fixed, lambda: 0.3 }], seed: [7], s-p_2: [a b], loss2: [x] }",
  );
  const point = [0, 0, 0, 0];
  const at = (text: string) => {
    const { value } = parseSource(new Source("v.yaml", JSON.stringify(text)));
    if (value === undefined) throw new Error("no value");
    const { mentioned, diagnostics } = mentionedAxes(value, axes);
    return {
      value: toJson(substitute(value, axes, point)),
      mentioned: mentioned.map((axis) => axis.name),
      errors: diagnostics.map((diagnostic) => diagnostic.message),
    };
  };
  const table: ReadonlyArray<readonly [string, unknown, ReadonlyArray<string>]> = [
    ["$loss", { kind: "fixed", lambda: 0.3 }, ["loss"]],
    ["$seed", 7, ["seed"]],
    ["${seed}", "7", ["seed"]],
    ["${loss}", "λ=0.3", ["loss"]],
    ["$s-p_2", "a b", ["s-p_2"]],
    ["a ${loss} b ${seed}${seed}", "a λ=0.3 b 77", ["loss", "seed"]],
    ["${loss2}", "x", ["loss2"]],
    ["$$", "$$", []],
    ["$$loss", "$loss", []],
    ["$${loss}", "${loss}", []],
    ["$${env:HOME}", "${env:HOME}", []],
    ["$$${seed}", "$${seed}", []],
    ["$$$${seed}", "$$${seed}", []],
    ["a $$x b", "a $x b", []],
    // A dollar that stands before no name is the shell's.
    ["echo $seed", "echo $seed", []],
    ["$1 $@ $? $", "$1 $@ $? $", []],
    ["cost: 5$", "cost: 5$", []],
    [" $seed", " $seed", []],
    ["$seed ", "$seed ", []],
    ["", "", []],
  ];
  for (const [text, value, mentioned] of table)
    it(JSON.stringify(text), () =>
      assert.deepStrictEqual(at(text), { value, mentioned: [...mentioned], errors: [] } as never),
    );

  for (const [text, message] of [
    ["$sed", "unknown axis `sed`"],
    ["a ${sed} b", "unknown axis `sed`"],
    ["${}", "unknown axis ``"],
    ["${ seed }", "unknown axis ` seed `"],
    ["${env:HOME}", "`${env:HOME}` is not allowed: what a machine knows never enters a key"],
  ] as const)
    it(`${JSON.stringify(text)} is an error`, () =>
      assert.deepStrictEqual(at(text).errors, [message]));

  it("an axis value is not looked into again", () => {
    const tricky = axesOf('{ a: ["${b}"], b: ["$$x"] }');
    const { value } = parseSource(new Source("v.yaml", '["$a", "${a}", "$b", "${b}"]'));
    if (value === undefined) throw new Error("no value");
    const found = toJson(substitute(value, tricky, [0, 0]));
    assert.deepStrictEqual(found, ["${b}", "${b}", "$$x", "$$x"]);
  });
});

it("labels: a scalar is its own, an object brings one, which is no part of its value", () => {
  const [axis] = axesOf('{ x: [1.50, true, "a", 1e3, { label: b, value: 2 }, -0.1] }');
  assert.deepStrictEqual(
    axis?.values.map(({ label }) => label),
    ["1.5", "true", "a", "1000", "b", "-0.1"],
  );
  assert.deepStrictEqual(
    axis?.values.map(({ value }) => toJson(value)),
    [1.5, true, "a", 1000, { value: 2 }, -0.1],
  );
});
