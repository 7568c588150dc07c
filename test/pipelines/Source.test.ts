/** Positions: every value knows where it was written, whatever the line ends and characters before it. */
import { assert, describe, it } from "@effect/vitest";
import { parseSource, placeAt, Source, spanOf, toJson } from "../../pipelines/Source.ts";

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

  it("that runs over several lines ends with its first", () =>
    assert.deepStrictEqual(textAt(block, ["text"]), [5, "|"]));

  it("that is not there is that of the deepest one on the way", () => {
    assert.deepStrictEqual(textAt(block, ["list", 1, "nothing", "at", "all"])[0], 4);
    assert.deepStrictEqual(textAt(block, ["list", 7])[0], 3);
    assert.deepStrictEqual(textAt(block, [])[0], 1);
  });

  it("behind an alias is that of its anchor", () =>
    assert.deepStrictEqual(textAt("a: &x { b: 1 }\nc: *x\n", ["c", "b"]), [1, "1"]));
});

describe("values", () => {
  const read: ReadonlyArray<readonly [string, unknown]> = [
    [
      "a: [1, 0x10, 1e3, -0.5, true, null, ~, yes, 010, '1']",
      { a: [1, 16, 1000, -0.5, true, null, null, "yes", 10, "1"] },
    ],
    ["a:\nb: ''", { a: null, b: "" }],
    ["__proto__: 1\nconstructor: 2", JSON.parse('{"__proto__": 1, "constructor": 2}')],
    ["1: a\ntrue: b", { "1": "a", true: "b" }],
    ["a: &x [1]\nb: *x", { a: [1], b: [1] }],
    ["a: 2024-01-01", { a: "2024-01-01" }],
  ];
  for (const [text, value] of read)
    it(JSON.stringify(text), () => assert.deepStrictEqual(toJson(parsed(text)), value as never));
});

describe("aliases", () => {
  const doubling = (levels: number) =>
    `${Array.from({ length: levels }, (_, level) => `- &l${level} ${level === 0 ? "[x, x]" : `[*l${level - 1}, *l${level - 1}]`}`).join("\n")}\n`;

  it("that expand to a few values are fine", () =>
    assert.deepStrictEqual(parseSource(new Source("f", doubling(10))).diagnostics, []));

  it("that expand beyond reason are refused once, and at once", () => {
    const { diagnostics } = parseSource(new Source("f", doubling(200)));
    assert.strictEqual(diagnostics.length, 1);
    assert.match(diagnostics[0]?.message ?? "", /expand to more than/u);
  });
});
