/** Figures as files, read back by another program: Chromium. */
import { assert, describe, it } from "@effect/vitest";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { type FigureFile, figureFiles } from "../../report/makeFigures.ts";
import { figureData, values } from "./figureData.ts";

let browser: Browser;
let files: ReadonlyMap<string, FigureFile["bytes"]>;

const made = async () =>
  new Map(
    (await figureFiles(figureData, ["svg", "pdf", "png"])).files.map(({ name, bytes }) => [
      name,
      bytes,
    ]),
  );

beforeAll(async () => {
  files = await made();
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
afterAll(() => browser?.close());

/** The places of all dots of a figure on its vertical axis, by the axis's own labels. */
const readDots = `(() => {
  const middle = (element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return (top + bottom) / 2;
  };
  const ticks = [...document.querySelectorAll(".role-axis text")]
    .filter((text) => text.textContent.startsWith("0.") || text.textContent === "1.0")
    .map((text) => ({ value: Number(text.textContent), y: middle(text) }));
  const [low, high] = [ticks[0], ticks.at(-1)];
  const scale = (high.value - low.value) / (high.y - low.y);
  return [...document.querySelectorAll(".mark-symbol.role-mark path")].map(
    (dot) => low.value + (middle(dot) - low.y) * scale,
  );
})()`;

describe("a figure's files", () => {
  it("are small, and as wide as a column or as the text", () => {
    for (const [name, bytes] of files) {
      assert.isBelow(bytes.length, 100_000, name);
      const text = Buffer.from(bytes).toString("latin1");
      const [, width = ""] =
        /^<svg[^>]* width="([\d.]+)"/u.exec(text) ?? /MediaBox \[0 0 ([\d.]+)/u.exec(text) ?? [];
      const inches = Number(width) / (name.endsWith(".svg") ? 96 : 72);
      if (!name.endsWith(".png"))
        assert.isTrue(
          [3.25, 6.75].some((each) => Math.abs(inches - each) < 0.05),
          `${name} is ${inches} inches wide`,
        );
    }
    assert.isAbove([...files.keys()].filter((name) => name.includes("model")).length, 0);
  });

  it("are of every figure, those of one name too", () => {
    const names = ["drawn-1-packed-p50-ms.svg", "drawn-1-packed-p50-ms-2.svg"];
    assert.deepStrictEqual(
      names.filter((name) => !files.has(name)),
      [],
    );
    assert.notDeepEqual(files.get(names[0]!), files.get(names[1]!));
  });

  it("have their fonts in them", async () => {
    assert.include(
      Buffer.from(files.get("table-accuracies.pdf")!).toString("latin1"),
      "/FontFile2",
    );
    const page = await (await browser.newContext({ offline: true })).newPage();
    await page.goto(
      `data:image/svg+xml;base64,${Buffer.from(files.get("table-accuracies.svg")!).toString("base64")}`,
    );
    const faces = `Promise.all([...document.fonts].map((face) => face.load())).then((all) => all.map(({ status }) => status))`;
    assert.deepStrictEqual(await page.evaluate(faces), ["loaded", "loaded"]);
    await page.context().close();
  });

  it("show every value where its axis says", async () => {
    const page = await browser.newPage();
    await page.setContent(Buffer.from(files.get("table-accuracies.svg")!).toString());
    const dots = (await page.evaluate(readDots)) as ReadonlyArray<number>;
    assert.strictEqual(dots.length, values.length);
    const sorted = dots.toSorted((one, other) => one - other);
    for (const [index, value] of values.toSorted((one, other) => one - other).entries())
      assert.closeTo(sorted[index]!, value, 0.01);
    await page.close();
  });

  it("are the same bytes every time", async () => {
    const again = await made();
    for (const [name, bytes] of files)
      assert.isTrue(Buffer.from(bytes).equals(again.get(name)!), name);
  });
});
