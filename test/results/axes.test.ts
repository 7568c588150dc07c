/** Which axes of a figure's panels are not the same, by what they are drawn with. */
import { assert, describe, it } from "@effect/vitest";
import { axesCaption } from "../../scripts/results/captions.ts";
import { differingAxes } from "../../scripts/results/figures/axes.ts";
import { exactly } from "../../scripts/results/figures/draw.ts";

const axis = (low: number, high: number) => ({ scale: exactly([low, high]) });
const panel = (x: object, y: object) => ({ layer: [{ encoding: { x } }, { encoding: { x, y } }] });
const [unit, wide] = [axis(0, 1), axis(-1, 1)];

describe("the caption says which axes differ between panels", () => {
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
