/** Names of nodes, read again: labels with brackets, commas and quotation marks. */
import { assert, it } from "@effect/vitest";
import { labelText, nodeName, partsOfName } from "../../../pipelines/experiment/nodeName.ts";

it("a node's name has its stage and its labels, whatever is in them", () => {
  const labels = { loss: "λ=0.3, late", data: "a[1]", text: '"so", he said \\', seed: "0" };
  const texts = Object.entries(labels).map(([axis, label]) => labelText(axis, label));
  assert.deepStrictEqual(partsOfName(nodeName("model", labels)), ["model", texts]);
  assert.deepStrictEqual(partsOfName(nodeName("table", {})), ["table", []]);
});
