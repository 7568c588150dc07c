/** Places: every value has its place, for all line ends and characters before it. */
import { assert, describe, it } from "@effect/vitest";
import { parseSource } from "../../../pipelines/experiment/parseSource.ts";
import { placeAt, toJson } from "../../../pipelines/experiment/Located.ts";
import { Random } from "../../../stats/Random.ts";
import { Source, spanOf } from "../../../pipelines/experiment/Source.ts";

const parsed = (text: string) => {
  const { value, diagnostics } = parseSource(new Source("f.yaml", text));
  assert.deepStrictEqual(diagnostics, []);
  if (value === undefined) throw new Error("no value");
  return value;
};

const textAt = (text: string, path: ReadonlyArray<PropertyKey>, onKey = false) => {
  const { line, col, length, text: shown } = spanOf(placeAt(parsed(text), path, { onKey }));
  assert.strictEqual(text.split(/\r?\n/u)[line - 1], shown);
  return [line, shown.slice(col - 1, col - 1 + length)];
};

const block = `a: 1
list:
  - first
  - { key: "quoted λ", other: [1, 22] }
text: |
  many
  lines
`;

describe("the place of a value", () => {
  for (const [what, text] of [
    ["with \\n", block],
    ["with \\r\\n", block.replaceAll("\n", "\r\n")],
    ["after a byte order mark", `\uFEFF${block}`],
    ["after wide characters", block.replace("a: 1", 'a: "日本語 😀 e\u0301"')],
  ] as const) {
    it(what, () => {
      assert.deepStrictEqual(textAt(text, ["list", 0]), [3, "first"]);
      assert.deepStrictEqual(textAt(text, ["list", 1, "key"]), [4, '"quoted λ"']);
      assert.deepStrictEqual(textAt(text, ["list", 1, "key"], true), [4, "key"]);
      assert.deepStrictEqual(textAt(text, ["list", 1, "other", 1]), [4, "22"]);
      assert.deepStrictEqual(textAt(text, ["list"], true), [2, "list"]);
    });
  }

  it("of several lines ends with its first", () =>
    assert.deepStrictEqual(textAt(block, ["text"]), [5, "|"]));

  it("that is missing is the place of the deepest value on the path", () => {
    assert.deepStrictEqual(textAt(block, ["list", 1, "nothing", "at", "all"])[0], 4);
    assert.deepStrictEqual(textAt(block, ["list", 7])[0], 3);
    assert.deepStrictEqual(textAt(block, [])[0], 1);
  });

  it("behind an alias is the place of its anchor", () =>
    assert.deepStrictEqual(textAt("a: &x { b: 1 }\nc: *x\n", ["c", "b"]), [1, "1"]));
});

describe("values", () => {
  const read: ReadonlyArray<readonly [string, unknown]> = [
    [
      "a: [1, 0x10, 1e3, -0.5, true, null, ~, yes, 010, '1']",
      { a: [1, "0x10", 1000, -0.5, true, null, null, "yes", "010", "1"] },
    ],
    [
      "a: [+5, .5, 5., 0.0, 9007199254740991, 1e22, 4.9e-324]",
      { a: [5, 0.5, 5, 0, 2 ** 53 - 1, 1e22, 5e-324] },
    ],
    ["a: [1_000, 0o17, 12:30, on]", { a: ["1_000", "0o17", "12:30", "on"] }],
    ["1.0: a\n1: b\nTrue: c", { "1.0": "a", "1": "b", True: "c" }],
    ["b: &b { x: 1, y: 2 }\na: { <<: *b, x: 3 }", { b: { x: 1, y: 2 }, a: { x: 3, y: 2 } }],
    [
      "b: &b { x: 1 }\nc: &c { x: 2, z: 3 }\na: { <<: [*b, *c] }",
      { b: { x: 1 }, c: { x: 2, z: 3 }, a: { x: 1, z: 3 } },
    ],
    ['"<<": 1', { "<<": 1 }],
    ["a:\nb: ''", { a: null, b: "" }],
    ["__proto__: 1\nconstructor: 2", JSON.parse('{"__proto__": 1, "constructor": 2}')],
    ["1: a\ntrue: b", { "1": "a", true: "b" }],
    ["a: &x [1]\nb: *x", { a: [1], b: [1] }],
    ["a: 2024-01-01", { a: "2024-01-01" }],
  ];
  for (const [text, value] of read)
    it(JSON.stringify(text), () => assert.deepStrictEqual(toJson(parsed(text)), value as never));
});

describe("values that can't be kept as they are written", () => {
  for (const [text, says] of [
    ["a: 1e400", "`1e400` doesn't fit into a number"],
    ["a: -1e-400", "`-1e-400` doesn't fit into a number"],
    ["a: 9007199254740993", "`9007199254740993` doesn't fit into a number"],
    ["a: 9007199254740992.1", "`9007199254740992.1` doesn't fit into a number"],
    ["a: .nan", "`.nan` is not finite"],
    ["a: !env HOME", "the tag has no meaning here"],
    ["a: !!binary aGVsbG8=", "the value is not text"],
    ['a: "x\\0y"', "NUL"],
    ["%YAML 1.1\n---\na: yes", "YAML 1.1"],
    ["a: 1\n---\na: 2", "a second document begins here"],
    ["a: { <<: 3 }", "the merge key `<<` needs a mapping"],
  ] as const)
    it(JSON.stringify(text), () => {
      const { diagnostics } = parseSource(new Source("f", text));
      assert.deepStrictEqual(
        diagnostics.map(({ message, at }) => message.includes(says) && at?.file),
        ["f"],
      );
    });
});

describe("numbers", () => {
  const random = Random.of("numbers");
  const digits = (count: number) =>
    [random.integer(1, 9), ...Array.from({ length: count - 1 }, () => random.integer(0, 9))].join(
      "",
    );
  const read = (text: string) => {
    const { value, diagnostics } = parseSource(new Source("f", `a: ${text}`));
    return diagnostics.length > 0 ? undefined : (toJson(value!) as { readonly a: unknown }).a;
  };

  it("of up to 15 digits are read", () => {
    for (let count = 0; count < 500; count += 1) {
      const text = `${digits(random.integer(1, 15))}e${random.integer(-200, 200)}`;
      assert.strictEqual(read(text), Number(text));
    }
  });

  it("of equally many digits are different, or one of them is refused", () => {
    for (let count = 0; count < 500; count += 1) {
      const text = digits(random.integer(15, 25));
      const [one, next] = [read(text), read(String(BigInt(text) + 1n))];
      if (one !== undefined) assert.notStrictEqual(one, next);
    }
  });
});

describe("aliases", () => {
  const doubling = (levels: number) =>
    `${Array.from({ length: levels }, (_, level) => `- &l${level} ${level === 0 ? "[x, x]" : `[*l${level - 1}, *l${level - 1}]`}`).join("\n")}\n`;

  it("that expand to few values are accepted", () =>
    assert.deepStrictEqual(parseSource(new Source("f", doubling(10))).diagnostics, []));

  it("that expand too far are refused, once and quickly", () => {
    const { diagnostics } = parseSource(new Source("f", doubling(200)));
    assert.strictEqual(diagnostics.length, 1);
    assert.match(diagnostics[0]?.message ?? "", /expand to more than/u);
  });
});
