/** Problems of model directories, found before a training starts. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { modelProblem } from "../../kinds/modelProblem.ts";

type Files = Readonly<Record<string, string | Buffer>>;

/** `said` is the length of the header in the file. */
const safetensors = (header: string, bytes: number, said = Buffer.byteLength(header)): Buffer => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(said));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(bytes)]);
};

const header = JSON.stringify({
  __metadata__: { format: "pt" },
  a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
  b: { dtype: "F32", shape: [1], data_offsets: [8, 12] },
  none: { dtype: "F32", shape: [0], data_offsets: [12, 12] },
});
const sound: Files = {
  "config.json": JSON.stringify({ model_type: "qwen3_vl" }),
  "model.safetensors": safetensors(header, 12),
};
const index = (...shards: ReadonlyArray<string>) => ({
  "model.safetensors.index.json": JSON.stringify({
    weight_map: Object.fromEntries(shards.map((shard, at) => [`weight.${at}`, shard])),
  }),
});

const wrongWith = (files: Files): string | undefined => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "model-"));
  try {
    for (const [name, content] of Object.entries(files))
      fs.writeFileSync(path.join(directory, name), content);
    return modelProblem(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
};

const withWeights = (content: string | Buffer) =>
  wrongWith({ ...sound, "model.safetensors": content });

describe("a model directory", () => {
  it("that is complete is accepted, with an index or without", () => {
    assert.isUndefined(wrongWith(sound));
    assert.isUndefined(wrongWith({ ...sound, ...index("model.safetensors") }));
    assert.isUndefined(withWeights(safetensors("{}   ", 0)));
  });

  it("in several files needs an index", () => {
    const { "model.safetensors": weights = "", ...rest } = sound;
    const shard = "model-00001-of-00001.safetensors";
    assert.isUndefined(wrongWith({ ...rest, [shard]: weights, ...index(shard) }));
    assert.strictEqual(
      wrongWith({ ...rest, [shard]: weights }),
      `it has ${shard}, one of several files, and no *.safetensors.index.json that lists them`,
    );
  });

  it("must exist, with config and weights", () => {
    assert.strictEqual(modelProblem("/nowhere"), "it is none");
    assert.strictEqual(wrongWith({}), "it has no config.json");
    assert.strictEqual(wrongWith({ "config.json": "{}" }), "it has no *.safetensors");
  });

  it("must not leave an adapter to whoever loads it", () => {
    assert.include(
      wrongWith({ ...sound, "adapter_config.json": "{}" }) ?? "",
      "it has an adapter, adapter_config.json: merge it",
    );
  });

  for (const config of ["", '{"model_type": "qw', "[]", "{}", '{"model_type": 5}', "null"])
    it(`has a config.json that says what it is, not ${JSON.stringify(config)}`, () => {
      const wrong = wrongWith({ ...sound, "config.json": config });
      assert.strictEqual(wrong, "its config.json is no JSON object with a model_type");
    });

  it("must have every file of its index", () => {
    const wrong = wrongWith({ ...sound, ...index("model.safetensors", "model-2.safetensors") });
    assert.include(wrong, "names model-2.safetensors, which is not there");
    const strange = wrongWith({ ...sound, "model.safetensors.index.json": "[]" });
    assert.include(strange, "is no JSON object with a weight_map");
  });

  const whole = safetensors(header, 12);
  const cut: Readonly<Record<string, string | Buffer>> = {
    empty: "",
    "cut in its first bytes": whole.subarray(0, 5),
    "cut in its header": whole.subarray(0, 60),
    "a pointer of git lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "with a header longer than there is": safetensors(header, 12, 2 ** 40),
  };
  for (const [how, content] of Object.entries(cut))
    it(`has no weights ${how}`, () => {
      assert.include(withWeights(content), "its model.safetensors has no header");
    });

  const unreadable: ReadonlyArray<string> = [
    "[1]",
    '{"a": 5}',
    '{"a": {"data_offsets": [0]}}',
    '{"a": {"data_offsets": [8, 4]}}',
    '{"a": {"data_offsets": [-4, 4]}}',
    '{"a": ',
  ];
  for (const text of unreadable)
    it(`has no weights whose header is ${text}`, () => {
      assert.include(withWeights(safetensors(text, 4)), "a header that can't be read");
    });

  it("must have weights of the length in their header", () => {
    for (const bytes of [11, 13])
      assert.include(
        withWeights(safetensors(header, bytes)),
        `has ${bytes} bytes of weights where its header says 12`,
      );
  });
});
