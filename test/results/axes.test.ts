/** The axes that differ between a figure's panels. */
import { assert, describe, it } from "@effect/vitest";
import { axesCaption } from "../../report/results/captions.ts";
import { differingAxes } from "../../report/results/figures/axes.ts";
import { exactly } from "../../report/figures/draw.ts";

const axis = (low: number, high: number) => ({ scale: exactly([low, high]) });
const panel = (x: object, y: object) => ({ layer: [{ encoding: { x } }, { encoding: { x, y } }] });
const [unit, wide] = [axis(0, 1), axis(-1, 1)];

describe("the caption names the axes that differ between panels", () => {
  it("none", () => {
    const panels = [panel(unit, wide), panel(axis(0, 1), axis(-1, 1))];
    for (const chart of [{ hconcat: panels }, { vconcat: panels }, { concat: panels }, panels[0]!])
      assert.deepStrictEqual(differingAxes(chart), []);
    assert.strictEqual(axesCaption([]), "");
  });

  it("one, the other, both", () => {
    const differing = (...panels: ReadonlyArray<object>) => differingAxes({ concat: panels });
    assert.deepStrictEqual(differing(panel(unit, unit), panel(wide, unit)), ["horizontal"]);
    assert.deepStrictEqual(differing(panel(unit, unit), panel(unit, unit), panel(unit, wide)), [
      "vertical",
    ]);
    const both = differing(panel(unit, unit), panel(wide, wide));
    assert.include(axesCaption(both), "each a horizontal axis and a vertical axis of its own");
  });
});
