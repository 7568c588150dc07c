/** Places of a figure's labels, and attempts read from a run's events. */
import { assert, describe, it } from "@effect/vitest";
import { comparisonsOf } from "../../report/analysis/comparisons.ts";
import { curvesChart } from "../../report/figures/curves.ts";
import { draw, pagePalette, spreadOut } from "../../report/figures/draw.ts";
import { reportFigures } from "../../report/figures/reportFigures.ts";
import { placeLabels } from "../../report/figures/placeLabels.ts";
import { readAttempts } from "../../report/read/readAttempts.ts";
import { reportedSteps } from "../../report/read/readTraining.ts";
import type { ReportData } from "../../report/ReportData.ts";
import type { Event } from "../../schemas/Event.ts";
import { dataWith, figureData } from "./figureData.ts";

describe("labels", () => {
  it("keep apart within a plot where there is room", () => {
    const size = { width: 300, height: 300 };
    const points = Array.from({ length: 8 }, (_, index) => ({
      x: 250 + (index % 3) * 6,
      y: 40 + index * 4,
      text: `λ = 0.${index}`,
    }));
    const places = placeLabels(points, [], size);
    for (const [index, { x, y }] of places.entries()) {
      assert.isTrue(x > 0 && x < size.width && y > 0 && y < size.height);
      for (const other of places.slice(index + 1))
        assert.isTrue(Math.abs(x - other.x) > 30 || Math.abs(y - other.y) >= 11, `label ${index}`);
    }
  });

  it("stand in order on an axis, `apart` from each other and within its ends", () => {
    const places = spreadOut([0.01, 0, 0.02, 0.99, 1], 0.1, [0, 1]);
    const order = [1, 0, 2, 3, 4].map((index) => places[index]!);
    for (const [index, place] of order.entries()) {
      assert.isTrue(place >= 0 && place <= 1);
      if (index > 0) assert.isAtLeast(place - order[index - 1]!, 0.1 - 1e-9);
    }
  });
});

describe("a report's figures", () => {
  const made = (data: ReportData) => reportFigures(data, comparisonsOf(data));

  it("show names of up to 40 letters whole, and say where they cut longer ones", async () => {
    const arm = "token-averaged baseline with a long name";
    const long = `${arm}, and then some`;
    const accuraciesOf = async (name: string) => {
      const { numbers } = made(dataWith({ arms: [name, "λ=0.3"] }));
      const figure = numbers.figures.find((each) => each.name === "table-accuracies")!;
      return { caption: figure.caption, svg: await draw(figure.chart(figure.width), "page") };
    };
    const whole = await accuraciesOf(arm);
    assert.include(whole.svg, `>${arm}</text>`);
    assert.notInclude(whole.caption, "are cut");
    const cut = await accuraciesOf(long);
    assert.include(cut.svg, `>${arm.slice(0, 39)}…</text>`);
    assert.include(cut.caption, "Names of more than 40 letters are cut in figures of table.");
  });

  it("show names of arms beside their curves, and say where they cut them", async () => {
    const [training] = made(figureData).trainings;
    assert.deepStrictEqual(training!.omitted, []);
    const named = made(dataWith({ trained: "an arm with a long name" })).trainings[0]!;
    assert.deepStrictEqual(named.omitted, [
      "Names of more than 16 letters are cut in figures of model.",
    ]);
    const [figure] = named.figures;
    assert.include(await draw(figure!.chart(figure!.width), "page"), ">an arm with a l…</text>");
  });

  it("dash the curves of arms whose colour another has already", async () => {
    const svgOf = async (count: number) => {
      const arms = Array.from({ length: count }, (_, place) => ({
        name: `arm ${place}`,
        trainings: [
          {
            node: `${place}`,
            steps: [1, 2].map((step) => ({ step, values: { loss: place * step } })),
          },
        ],
      }));
      return draw(curvesChart(arms, "loss", 300), "page");
    };
    assert.notInclude(await svgOf(pagePalette.length), "stroke-dasharray");
    const more = await svgOf(pagePalette.length + 1);
    assert.strictEqual(more.split('stroke-dasharray="4,3"').length, 2);
    assert.include(more, `>- - arm ${pagePalette.length}</text>`);
  });

  it("are left out with a sentence: metrics beyond 16, and tables of more than 30 arms", () => {
    const names = (count: number, of: string) =>
      Array.from({ length: count }, (_, index) => `${of} ${index + 1}`);
    const { numbers } = made(dataWith({ arms: names(31, "arm"), metrics: names(18, "metric") }));
    assert.deepStrictEqual(numbers.omitted, [
      "table: no figures of its 31 arms; at most 30 are legible.",
      "packed: 2 metrics not drawn: metric 17, metric 18.",
    ]);
    assert.lengthOf(numbers.figures, 16);
  });
});

const at = (second: number): string => new Date(second * 1000).toISOString();

const started = (node: string, second: number): Event => ({
  _tag: "NodeStarted",
  at: at(second),
  node,
  recipe: "r",
  attempt: "1",
  log: "log",
});

it("attempts are read from events, those of a killed run, too", () => {
  const events: ReadonlyArray<Event> = [
    started("a", 1),
    started("b", 2),
    { _tag: "NodeRetried", at: at(3), node: "a", message: "lost", seconds: 1 },
    started("a", 4),
    { _tag: "NodeSucceeded", at: at(6), node: "a", artifact: "d", seconds: 2, summary: {} },
  ];
  const attemptsOf = (isRunning: boolean) =>
    readAttempts(events, at(0), new Map([["a", "stage"]]), isRunning);
  const open = { node: "b", stageName: "b", from: 2, to: 6 } as const;
  assert.deepStrictEqual(attemptsOf(false), [
    { node: "a", stageName: "stage", from: 1, to: 3, end: "failed" },
    { node: "a", stageName: "stage", from: 4, to: 6, end: "made" },
    { ...open, end: "interrupted" },
  ]);
  assert.deepStrictEqual(attemptsOf(true).at(-1), { ...open, end: "running" });
});

it("metrics of a training that goes on are read from events, the last report of a step", () => {
  const reported = (node: string, step: number, loss: number): Event => ({
    _tag: "NodeMetrics",
    at: at(step),
    node,
    step,
    values: { loss },
  });
  // It resumed from step 1 after its first attempt was lost.
  const events = [
    started("a", 0),
    reported("a", 1, 5),
    reported("b", 1, 7),
    reported("a", 3, 4),
    started("a", 4),
    reported("a", 2, 3),
    reported("a", 3, 2),
  ];
  const stepsOf = (...losses: ReadonlyArray<number>) =>
    losses.map((loss, index) => ({ step: index + 1, values: { loss } }));
  assert.deepStrictEqual(
    reportedSteps(events),
    new Map([
      ["a", stepsOf(5, 3, 2)],
      ["b", stepsOf(7)],
    ]),
  );
});
