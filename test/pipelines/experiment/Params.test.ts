/** Params in a key: values that equal their defaults are left out, and nothing else. */
import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { paramsChecker } from "../../../pipelines/experiment/Params.ts";
import type { Located } from "../../../pipelines/experiment/Located.ts";
import { parseSource } from "../../../pipelines/experiment/parseSource.ts";
import { Source } from "../../../pipelines/experiment/Source.ts";
import type { Json } from "../../../schemas/Digest.ts";
import { stage, type Stage } from "../../../stages/Stage.ts";
import { Random } from "../../../stats/Random.ts";

const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

const kinds = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("plain") }),
  Schema.Struct({
    kind: Schema.Literal("deep"),
    rate: withDefault(Schema.Finite, 0.5),
    name: Schema.String,
  }),
]);

const Params = Schema.Struct({
  required: Schema.Int,
  count: withDefault(Schema.Int, 3),
  kind: withDefault(kinds, { kind: "plain" }),
  nested: withDefault(
    Schema.Struct({ a: withDefault(Schema.Int, 1), b: withDefault(Schema.Int, 2) }),
    { b: 5 },
  ),
  list: withDefault(Schema.Array(Schema.Int), [1, 2]),
  record: withDefault(Schema.Record(Schema.String, Schema.Int), {}),
  nothing: withDefault(Schema.NullOr(Schema.Int), null),
  optional: Schema.optionalKey(Schema.Int),
  limit: withDefault(Schema.Int, 9),
  place: withDefault(
    Schema.NullOr(Schema.Struct({ url: Schema.String, name: Schema.String })),
    null,
  ),
});

const Sample: Stage = stage({
  name: "sample",
  version: 1,
  summary: "",
  example: "",
  params: Params,
  outsideKey: ["limit", "place.url", "nothing.url"],
  inputs: {},
  output: "files",
});

const check = paramsChecker(Sample, "stage `x`", {
  inputs: [],
  axes: [],
  labels: {},
  overridden: [],
});

const located = (json: Json): Located => {
  const { value } = parseSource(new Source("p.yaml", JSON.stringify(json)));
  if (value === undefined) throw new Error("no value");
  return value;
};

const checked = (json: Json) => {
  const value = located(json);
  const result = check(() => value, value.at);
  if (result.params === undefined) throw new Error(JSON.stringify(result.diagnostics));
  return result.params;
};

const encode = (json: unknown): Json => {
  const decoded = Schema.decodeUnknownSync(Params)(json);
  const { limit: _, place, ...rest } = Schema.encodeSync(Params)(decoded);
  return { ...rest, place: place == null ? null : { name: place.name } } as Json;
};

describe("params in a key", () => {
  const table: ReadonlyArray<readonly [Json, Json]> = [
    [{ required: 1 }, { required: 1 }],
    [
      { required: 1, count: 3, kind: { kind: "plain" }, list: [1, 2], record: {}, nothing: null },
      { required: 1 },
    ],
    [{ required: 1, limit: 100 }, { required: 1 }],
    [
      { required: 1, place: { url: "here", name: "x" } },
      { required: 1, place: { name: "x" } },
    ],
    [{ required: 1, place: null }, { required: 1 }],
    [
      { required: 1, count: 4 },
      { required: 1, count: 4 },
    ],
    [
      { required: 1, optional: 0 },
      { required: 1, optional: 0 },
    ],
    [
      { required: 1, list: [1] },
      { required: 1, list: [1] },
    ],
    [
      { required: 1, list: [] },
      { required: 1, list: [] },
    ],
    // The default of the object is { a: 1, b: 5 }, and equal values inside it count as the default…
    [{ required: 1, nested: { b: 5 } }, { required: 1 }],
    [{ required: 1, nested: { a: 1, b: 5 } }, { required: 1 }],
    // …while { b: 2 } differs from it, and its b equals the default of the field b.
    [
      { required: 1, nested: { b: 2 } },
      { required: 1, nested: {} },
    ],
    [
      { required: 1, nested: {} },
      { required: 1, nested: {} },
    ],
    [
      { required: 1, nested: { a: 7, b: 2 } },
      { required: 1, nested: { a: 7 } },
    ],
    [
      { required: 1, kind: { kind: "deep", name: "x", rate: 0.5 } },
      { required: 1, kind: { kind: "deep", name: "x" } },
    ],
    [
      { required: 1, record: { b: 1, a: 2 } },
      { required: 1, record: { a: 2, b: 1 } },
    ],
  ];
  for (const [written, key] of table)
    it(JSON.stringify(written), () => assert.deepStrictEqual(checked(written).key, key));
});

const pick = <A>(random: Random, values: ReadonlyArray<A>): A =>
  values[random.integer(0, values.length - 1)] as A;

/** Params whose fields are absent, at their defaults, or at other values. */
const randomParams = (random: Random): { readonly [key: string]: Json } => {
  const maybe = (name: string, values: ReadonlyArray<Json>): { readonly [key: string]: Json } =>
    pick(random, [true, false]) ? { [name]: pick(random, values) } : {};
  return {
    required: pick(random, [0, 3]),
    ...maybe("count", [3, 4]),
    ...maybe("kind", [
      { kind: "plain" },
      { kind: "deep", name: "x", ...maybe("rate", [0.5, 0.7]) },
    ]),
    ...maybe("nested", [{ ...maybe("a", [1, 5]), ...maybe("b", [2, 5]) }]),
    ...maybe("list", [[1, 2], [], [2, 1]]),
    ...maybe("record", [{}, { x: 1 }]),
    ...maybe("nothing", [null, 1]),
    ...maybe("optional", [0, 3]),
    ...maybe("limit", [9, 10]),
  };
};

const rounds = Array.from({ length: 300 }, (_, index) => index);

describe("for all params,", () => {
  it("the key decodes to the same params", () => {
    for (const round of rounds) {
      const written = randomParams(Random.of("params", round));
      const { key, decoded } = checked(written);
      assert.deepStrictEqual(encode(key), encode(written), JSON.stringify(written));
      assert.deepStrictEqual(decoded, Schema.decodeUnknownSync(Params)(written));
    }
  });

  it("equal params have equal keys", () => {
    for (const round of rounds) {
      const written = randomParams(Random.of("params", round));
      const { key } = checked(written);
      assert.deepStrictEqual(checked(encode(written)).key, key, JSON.stringify(written));
      assert.deepStrictEqual(checked(key).key, key, JSON.stringify(written));
    }
  });

  it("every field of the key changes what it decodes to", () => {
    for (const round of rounds) {
      const { key } = checked(randomParams(Random.of("params", round)));
      for (const name of Object.keys(key as object)) {
        const less = Object.fromEntries(
          Object.entries(key as object).filter(([other]) => other !== name),
        );
        const means = (() => {
          try {
            return encode(less);
          } catch {
            return undefined;
          }
        })();
        assert.notDeepEqual(means, encode(key), JSON.stringify(key));
      }
    }
  });
});

it("a stage with a new option keeps its existing keys", () => {
  const { fields } = Params;
  const Later: Stage = {
    ...Sample,
    params: Schema.Struct({ ...fields, added: withDefault(Schema.Int, 0) }),
  };
  const later = paramsChecker(Later, "stage `x`", {
    inputs: [],
    axes: [],
    labels: {},
    overridden: [],
  });
  for (const round of rounds) {
    const value = located(randomParams(Random.of("params", round)));
    assert.deepStrictEqual(
      later(() => value, value.at).params?.key,
      check(() => value, value.at).params?.key,
    );
  }
});

describe("keys that a stage does not know", () => {
  const places: ReadonlyArray<readonly [where: string, params: Json]> = [
    ["at the top", { required: 1, other: 2 }],
    ["within an object", { required: 1, nested: { a: 1, other: 2 } }],
    ["within one of several forms", { required: 1, kind: { kind: "plain", other: 2 } }],
    [
      "within an object of several kinds",
      { required: 1, place: { url: "u", name: "n", other: 2 } },
    ],
  ];
  for (const [where, params] of places)
    it(`are refused ${where}`, () => {
      const value = located(params);
      const messages = check(() => value, value.at).diagnostics.map(({ message }) => message);
      assert.lengthOf(messages, 1);
      assert.include(messages[0], "other");
    });

  it("choose between forms: the first that knows them all is meant", () => {
    const short = Schema.Struct({ a: Schema.Int });
    const long = Schema.Struct({ a: Schema.Int, b: Schema.Int });
    const forms = Schema.Array(Schema.Union([short, long]));
    const params = Schema.Struct({ forms });
    const choose = paramsChecker({ ...Sample, params }, "stage `x`", undefined);
    const written = { forms: [{ a: 1 }, { a: 1, b: 2 }] };
    const value = located(written);
    const { decoded, key } = choose(() => value, value.at).params ?? {};
    assert.deepStrictEqual(decoded, written);
    assert.deepStrictEqual(key, written);
  });
});
