/** The page in a browser without network: no request, nothing hostile comes alive, usable by keyboard and at any width. */
import { assert, describe, it } from "@effect/vitest";
import axe from "axe-core";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { renderReport } from "../../report/makeReport.ts";
import { packSamples } from "../../report/packSamples.ts";
import { hostileData, hostileTexts, samplesIn } from "./hostileData.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pipe-page-"));
const file = path.join(folder, "page.html");
let browser: Browser;
let html: string;

beforeAll(async () => {
  html = await renderReport(hostileData);
  fs.writeFileSync(file, html);
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  fs.rmSync(folder, { recursive: true });
});

interface Opened {
  readonly page: Page;
  /** Requests beyond the file itself, and everything on the console. */
  readonly complaints: ReadonlyArray<string>;
}

const open = async (
  hash = "",
  options: BrowserContextOptions = {},
  from = file,
): Promise<Opened> => {
  const context = await browser.newContext({ offline: true, ...options });
  const page = await context.newPage();
  const complaints: Array<string> = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && !url.startsWith("file://")) complaints.push(url);
  });
  await page.goto(`file://${from}${hash}`);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("#browser .sample");
  return { page, complaints };
};

const sampleOf = (page: Page): Promise<string> => page.innerText("#browser .sample h3");

describe("a report's page", () => {
  it("asks for nothing, reports no error, and keeps hostile text inert", async () => {
    const { page, complaints } = await open();
    for (const _ of [1, 2, 3, 4, 5]) await page.keyboard.press("j");
    assert.deepStrictEqual(complaints, []);
    assert.strictEqual(await page.title(), "hostile-1");
    assert.strictEqual(await page.locator("img[src=x], pre b, svg[onload]").count(), 0);
    for (const character of "\u202E\u2066\u200B\u0000\u001B")
      assert.isFalse(html.includes(character), JSON.stringify(character));
    assert.include(html, "⟨U+202E⟩");
    await page.context().close();
  });

  it("may connect to nothing, and where it is served to its own server alone", async () => {
    const policyOf = (page: string) => /Security-Policy" content="([^"]*)"/u.exec(page)?.[1] ?? "";
    assert.match(policyOf(html), /^default-src 'none'; /u);
    assert.notInclude(policyOf(html), "connect-src");
    assert.include(
      policyOf(await renderReport(hostileData, { isLive: true })),
      "; connect-src 'self'; ",
    );
  });

  it("cuts long responses and keeps the bytes of others", () => {
    const { arms } = samplesIn(html) as {
      readonly arms: ReadonlyArray<{
        readonly answers: ReadonlyArray<{ readonly response: string }>;
      }>;
    };
    const responses = arms[0]!.answers.map(({ response }) => response);
    assert.include(responses[0], hostileTexts.markup);
    assert.include(responses[2], "more characters");
    assert.isBelow(html.length, 8_000_000);
  });

  it("leaves out examples where they are too many, and says so", () => {
    for (const packing of ["gzip", "json"] as const) {
      const all = packSamples(hostileData, 20_000_000, packing);
      assert.strictEqual(all.leftOut, "");
      const { length } = all.data.text;
      const some = packSamples(hostileData, Math.floor(length / 2), packing);
      assert.isAtMost(some.data.text.length, length / 2);
      assert.match(some.leftOut, /^The page has \d+ of 500 examples/u);
    }
  });

  it("has inert samples that are not compressed, too", async () => {
    const { data } = packSamples(hostileData, 20_000_000, "json");
    assert.notMatch(data.text, /[^\x20-\x7e]|[<>&]/u);
    const plain = await renderReport(hostileData, { mostBytes: 20_000_000, packing: "json" });
    const other = path.join(folder, "plain.html");
    fs.writeFileSync(other, plain);
    const { page, complaints } = await open("", {}, other);
    assert.deepStrictEqual(complaints, []);
    assert.strictEqual(await page.title(), "hostile-1");
    assert.match(await sampleOf(page), /^test-/u);
    await page.context().close();
  });

  it("is used by keyboard, and its address leads back to what it shows", async () => {
    const { page } = await open();
    const first = await sampleOf(page);
    await page.keyboard.press("j");
    const second = await sampleOf(page);
    assert.notStrictEqual(second, first);
    await page.keyboard.press("k");
    assert.strictEqual(await sampleOf(page), first);
    await page.keyboard.press("/");
    await page.keyboard.type("test-000123");
    assert.strictEqual(await sampleOf(page), "test-000123");
    const { hash } = new URL(page.url());
    const again = await open(hash);
    assert.strictEqual(await sampleOf(again.page), "test-000123");
    await page.context().close();
    await again.page.context().close();
  });

  it("filters by outcome, and shows two arms side by side on the same picture", async () => {
    const { page } = await open();
    const status = () => page.innerText(".counts [role=status]");
    await page.getByRole("button", { name: "caption wrong, answer right" }).click();
    // Arm one is right in every second example, its caption in every third.
    assert.strictEqual(await status(), "166 of 500 shown");
    await page.getByLabel("beside it").selectOption({ index: 2 });
    await page.getByLabel("both answers").selectOption("first");
    assert.strictEqual((await page.locator(".columns .transcript").count()) >= 2, true);
    // Arm two is right in every third of these examples, where the caption is right.
    assert.strictEqual(await status(), "166 of 500 shown");
    await page.getByLabel("both answers").selectOption("both");
    assert.strictEqual(await status(), "0 of 500 shown");
    await page.context().close();
  });

  for (const colorScheme of ["light", "dark"] as const)
    it(`is accessible in ${colorScheme} (axe)`, async () => {
      const { page } = await open("", { colorScheme });
      await page.evaluate(`{${axe.source}}`);
      const found = (await page.evaluate(
        `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 200)))`,
      )) as ReadonlyArray<string>;
      assert.deepStrictEqual(found, []);
      await page.context().close();
    });

  it("fits 320 pixels", async () => {
    const { page } = await open("", { viewport: { width: 320, height: 700 } });
    assert.isAtMost((await page.evaluate("document.documentElement.scrollWidth")) as number, 320);
    await page.context().close();
  });

  it("shows fixed samples, figures and nodes without a script, and on paper", async () => {
    const { page } = await open("", { javaScriptEnabled: false });
    assert.strictEqual(await page.locator("#fixed .sample").count(), 24);
    assert.isTrue(await page.locator("#fixed").isVisible());
    assert.isAbove(await page.locator("figure svg").count(), 0);
    await page.context().close();
    const printed = await open();
    await printed.page.emulateMedia({ media: "print" });
    assert.isTrue(await printed.page.locator("#fixed").isVisible());
    assert.isFalse(await printed.page.locator("#browser").isVisible());
    await printed.page.context().close();
  });
});
