/** The checked-in JSON Schema of experiments: current, true to the compiler, and what the editor needs. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { parseSource } from "../../pipelines/experiment/parseSource.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { toJson } from "../../pipelines/experiment/Located.ts";
import { stageParamsSchema } from "../../stages/experimentJsonSchema.ts";
import { stages } from "../../stages/stages.ts";
import { root } from "../rig/build.ts";
import { inRig } from "../rig/Rig.ts";
import { accepts } from "./validate.ts";

const file = path.join(root, "schemas/experiment.schema.json");
const schema = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;

it(
  "is what `pipe schema` prints; to bring it up to date: bin/pipe schema > schemas/experiment.schema.json",
  inRig(async (rig) => {
    const { code, stdout } = await rig.pipe("schema");
    assert.strictEqual(code, 0);
    assert.deepStrictEqual(schema, JSON.parse(stdout));
  }),
);

const read = (text: string) => {
  const { value } = parseSource(new Source("e.yaml", text));
  if (value === undefined) throw new Error("no YAML");
  return toJson(value);
};

const compiles = (text: string): boolean =>
  compile(new Source("e.yaml", text), { set: [], axis: [] }, stages).graph !== undefined;

describe("accepts", () => {
  const shelf = path.join(root, "experiments");
  const experiments = fs.readdirSync(shelf, { recursive: true, encoding: "utf8" });
  for (const name of experiments.filter((each) => each.endsWith(".yaml"))) {
    it(`experiments/${name}, and so does the compiler`, () => {
      const text = fs.readFileSync(path.join(shelf, name), "utf8");
      assert.isTrue(compiles(text));
      assert.isTrue(accepts(schema, read(text)));
    });
  }

  it("an axis wherever a value may stand", () => {
    const text = `name: e
axes: { size: [4, 6], blanks: [{ label: few, from: 4, to: 6 }], seed: [0], run: ["true"] }
stages:
  d: { use: render, with: { task: { kind: sudoku, size: $size, blanks: [4, 6] }, splits: { test: 5 }, seed: $seed } }
  c: { use: command, with: { run: $run, env: { A: $run, B: "\${blanks}" } } }
`;
    assert.isTrue(compiles(text));
    assert.isTrue(accepts(schema, read(text)));
  });
});

describe("the share of a GPU", () => {
  for (const [gpus, right] of Object.entries({
    "0": true,
    "0.125": true,
    "0.5": true,
    "0.875": true,
    "1": true,
    "16": true,
    "0.1": false,
    "0.0625": false,
    "1.5": false,
    "1.125": false,
    "-1": false,
    "-0.125": false,
    ".inf": false,
    '"1"': false,
  }))
    it(`${gpus} is ${right ? "right" : "wrong"}`, () => {
      const text = `name: e\nstages: { a: { use: command, with: { run: "true" }, resources: { gpus: ${gpus} } } }`;
      assert.strictEqual(compiles(text), right);
      assert.strictEqual(accepts(schema, read(text)), right);
    });
});

describe("rejects, as the compiler does,", () => {
  const command = 'use: command, with: { run: "true" }';
  const bad: Readonly<Record<string, string>> = {
    "no name": `stages: { a: { ${command} } }`,
    "no stages": "name: e",
    "a name that is none": `name: a b\nstages: { a: { ${command} } }`,
    "a stage name that is none": `name: e\nstages: { "x/y": { ${command} } }`,
    "an input name that is none": `name: e\nstages: { a: { ${command} }, b: { ${command}, from: { "x/y": a } } }`,
    "an unknown key": `name: e\nstage: {}\nstages: { a: { ${command} } }`,
    "an unknown key of a stage": `name: e\nstages: { a: { ${command}, form: {} } }`,
    "an unknown stage": "name: e\nstages: { a: { use: comand } }",
    "an unknown param": 'name: e\nstages: { a: { use: command, with: { run: "true", rum: 1 } } }',
    "a missing param": "name: e\nstages: { a: { use: command, with: {} } }",
    "a missing with": "name: e\nstages: { a: { use: command } }",
    "a value of the wrong type": "name: e\nstages: { a: { use: command, with: { run: 7 } } }",
    "an unknown input": `name: e\nstages: { a: { ${command} }, c: { use: distill, from: { data: a, date: a } } }`,
    "a missing input": "name: e\nstages: { c: { use: distill } }",
    "an axis without values": `name: e\naxes: { x: [] }\nstages: { a: { ${command} } }`,
    "an axis value without a label": `name: e\naxes: { x: [{ a: 1 }] }\nstages: { a: { ${command} } }`,
    "a fan-in over no axis": `name: e\naxes: { x: [1] }\nstages: { a: { use: command, with: { run: $x } }, b: { ${command}, from: { a: { all: a, over: [] } } } }`,
  };
  for (const [what, text] of Object.entries(bad)) {
    it(what, () => {
      assert.isFalse(compiles(text));
      assert.isFalse(accepts(schema, read(text)));
    });
  }

  const trained = (loss: string) => `name: e
stages:
  d: { use: render, with: { task: { kind: sudoku, size: 4, blanks: [4, 6] }, splits: { train_sft: 5 } } }
  c: { use: distill, from: { data: d } }
  m: { use: sft, from: { data: c }, with: { loss: ${loss} } }
`;
  for (const loss of [
    "{ kind: fixed, lambda: 1.7 }",
    "{ kind: fixed }",
    "{ kind: fixd, lambda: 0.3 }",
    "{ kind: token, lambda: 0.3 }",
  ]) {
    it(`the loss ${loss}`, () => {
      assert.isTrue(accepts(schema, read(trained("{ kind: fixed, lambda: 0.7 }"))));
      assert.isFalse(compiles(trained(loss)));
      assert.isFalse(accepts(schema, read(trained(loss))));
    });
  }
});

it("tells the editor about every stage", () => {
  const text = JSON.stringify(schema);
  for (const stage of stages.values()) assert.include(text, JSON.stringify(stage.summary));
});

interface Described {
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: ReadonlyArray<unknown>;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: ReadonlyArray<string>;
  readonly anyOf?: ReadonlyArray<Described>;
  readonly items?: Described;
}

const isTag = ({ enum: values }: Described) => values?.length === 1;

/** Places in a schema without a description, and optional ones that don't say what holds where they are left out. */
const gaps = (schema: Described, at: string): ReadonlyArray<string> => {
  const choices = schema.anyOf ?? [];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
      ...(isTag(inner) || inner.description !== undefined ? [] : [`${at}.${name}: no description`]),
      ...(schema.required?.includes(name) === true ||
      inner.default !== undefined ||
      inner.description?.includes("left out: ") === true
        ? []
        : [`${at}.${name}: no default`]),
      ...gaps(inner, `${at}.${name}`),
    ]),
    ...choices.flatMap((choice, index) => [
      ...(Object.values(choice.properties ?? {}).some(isTag) && choice.description === undefined
        ? [`${at}, choice ${index}: no description`]
        : []),
      ...gaps(choice, `${at}, choice ${index}`),
    ]),
    ...(schema.items === undefined ? [] : gaps(schema.items, `${at}[]`)),
  ];
};

describe("says of every param what it means and what holds where it is left out:", () => {
  for (const stage of stages.values())
    it(stage.name, () =>
      assert.deepStrictEqual(gaps(stageParamsSchema(stage) as Described, stage.name), []),
    );
});

it("the examples of the stages are one experiment that compiles", () => {
  const examples = [...stages.values()].map(({ example }) => example.replaceAll(/^/gmu, "  "));
  const text = `name: e\naxes: { seed: [0, 1] }\nstages:\n${examples.join("\n")}\n`;
  const { diagnostics } = compile(new Source("e.yaml", text), { set: [], axis: [] }, stages);
  assert.deepStrictEqual(diagnostics, []);
  assert.isTrue(accepts(schema, read(text)));
});
