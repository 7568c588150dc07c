/** Axes: points, their order, projections, and the substitution of `$axis`. */
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
  substitution,
} from "../../../pipelines/experiment/Axes.ts";
import { parseSource } from "../../../pipelines/experiment/parseSource.ts";
import { Source } from "../../../pipelines/experiment/Source.ts";
import { toJson } from "../../../pipelines/experiment/Located.ts";

const axesOf = (yaml: string): ReadonlyArray<Axis> =>
  readAxes(parseSource(new Source("axes.yaml", yaml)).value).axes;

const axesOfSizes = (sizes: ReadonlyArray<number>) =>
  axesOf(
    `{ ${sizes.map((size, index) => `x${index}: [${Array.from({ length: size }, (_, value) => value).join(", ")}]`).join(", ")} }`,
  );

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }));
const Sizes = Schema.Array(Size).check(Schema.isMaxLength(4));

describe("points", () => {
  it.prop("are distinct, and their number is the product of the sizes", [Sizes], ([sizes]) => {
    const points = pointsOf(axesOfSizes(sizes));
    const product = sizes.reduce((all, size) => all * size, 1);
    assert.strictEqual(new Set(points.map(String)).size, product);
    assert.strictEqual(points.length, product);
  });

  it.prop("have the index that indexOfPoint returns", [Sizes], ([sizes]) => {
    const axes = axesOfSizes(sizes);
    for (const [index, point] of pointsOf(axes).entries())
      assert.strictEqual(indexOfPoint(axes, point), index);
  });

  it.prop("keep their coordinates when projected onto some of their axes", [Sizes], ([sizes]) => {
    const axes = axesOfSizes(sizes);
    const some = axes.filter((_, index) => index % 2 === 1);
    for (const point of pointsOf(axes)) {
      const labels = labelsOf(axes, point);
      const expected = Object.fromEntries(some.map(({ name }) => [name, labels[name]]));
      assert.deepStrictEqual(labelsOf(some, project(axes, point, some)), expected);
    }
  });

  it("vary fastest along the last axis", () =>
    assert.deepStrictEqual(pointsOf(axesOfSizes([2, 2])), [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]));
});

describe("substitution in a value:", () => {
  const axes = axesOf(
    "{ loss: [{ label: λ=0.3, kind: fixed, lambda: 0.3 }], seed: [7], s-p_2: [a b], loss2: [x] }",
  );
  const point = [0, 0, 0, 0];
  const at = (text: string) => {
    const { value } = parseSource(new Source("v.yaml", JSON.stringify(text)));
    if (value === undefined) throw new Error("no value");
    const mentions = mentionedAxes(value, axes);
    return {
      value: toJson(substitution(value, axes)(point)),
      mentioned: mentions.axes.map((axis) => axis.name),
      errors: mentions.diagnostics.map((diagnostic) => diagnostic.message),
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
    ["$loss.lambda", 0.3, ["loss"]],
    ["at ${loss.lambda} of ${loss.kind}", "at 0.3 of fixed", ["loss"]],
    ["$$", "$$", []],
    ["$$loss", "$loss", []],
    ["$${loss}", "${loss}", []],
    ["$${env:HOME}", "${env:HOME}", []],
    ["$$${seed}", "$${seed}", []],
    ["$$$${seed}", "$$${seed}", []],
    ["a $$x b", "a $x b", []],
    // A dollar before no axis belongs to the shell.
    ["echo $other $seeds", "echo $other $seeds", []],
    ["$1 $@ $? $", "$1 $@ $? $", []],
    ["cost: 5$", "cost: 5$", []],
    ["", "", []],
  ];
  for (const [text, value, mentioned] of table)
    it(JSON.stringify(text), () =>
      assert.deepStrictEqual(at(text), { value, mentioned: [...mentioned], errors: [] } as never),
    );

  for (const [text, message] of [
    ["echo $seed", "`$seed` inside a longer text is not replaced"],
    [" $seed", "`$seed` inside a longer text is not replaced"],
    ["$sed", "unknown axis `sed`"],
    ["a ${sed} b", "unknown axis `sed`"],
    ["${}", "unknown axis ``"],
    ["${ seed }", "unknown axis ` seed `"],
    ["$loss.lamda", "unknown field of `λ=0.3`, a value of the axis `loss`: `lamda`"],
    ["${loss.kind.x}", "unknown field of `λ=0.3`, a value of the axis `loss`: `kind.x`"],
    ["$seed.kind", "unknown field of `7`, a value of the axis `seed`: `kind`"],
    ["see $loss.kind", "`$loss` inside a longer text is not replaced"],
    ["${env:HOME}", "`${env:HOME}` is not allowed: facts of a machine never enter a key"],
  ] as const)
    it(`${JSON.stringify(text)} is an error`, () =>
      assert.deepStrictEqual(at(text).errors, [message]));

  it("a list has no text", () => {
    const lists = axesOf("{ arm: [{ label: a, blanks: [6, 9] }] }");
    const mentionsOf = (text: string) => {
      const { value } = parseSource(new Source("v.yaml", JSON.stringify(text)));
      if (value === undefined) throw new Error("no value");
      return mentionedAxes(value, lists).diagnostics.map(({ message }) => message);
    };
    assert.deepStrictEqual(mentionsOf("$arm.blanks"), []);
    const problem = "`${arm.blanks}` stands in a text, and is a list or an object";
    assert.deepStrictEqual(mentionsOf("echo ${arm.blanks}"), [problem]);
  });

  it("an axis value is not substituted again", () => {
    const tricky = axesOf('{ a: ["${b}"], b: ["$$x"] }');
    const { value } = parseSource(new Source("v.yaml", '["$a", "${a}", "$b", "${b}"]'));
    if (value === undefined) throw new Error("no value");
    const found = toJson(substitution(value, tricky)([0, 0]));
    assert.deepStrictEqual(found, ["${b}", "${b}", "$$x", "$$x"]);
  });
});

it("labels: a scalar is its own label; an object has one, which is not part of its value", () => {
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
