/** TensorBoard's event files, held against those that its own package wrote (`golden/eventFiles.py`). */
import { assert, it } from "@effect/vitest";
import { eventFile } from "../../kinds/eventFile.ts";
import golden from "./golden/eventFiles.json" with { type: "json" };

/** The values of JSON have the union of all keys as their type. */
type Values = Readonly<Record<string, number>>;

for (const [index, { at, steps, file }] of golden.cases.entries())
  it(`writes case ${index} byte for byte as TensorBoard ${golden.from.tensorboard}`, () => {
    const scalars = steps.map(({ step, values }) => ({
      step,
      values: values as unknown as Values,
    }));
    assert.strictEqual(eventFile(scalars, at).toString("base64"), file);
  });
