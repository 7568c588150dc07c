/** `pipe ui` in a browser: it follows runs as they go, and nobody else reads or writes. */
import { assert, describe, it } from "@effect/vitest";
import axe from "axe-core";
import http from "node:http";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { packed } from "../bundle/archives.ts";
import { smallBundle, smallSpec } from "../bundle/smallBundle.ts";
import { inCopies, inRig, puppet, type Rig, type Running, waitFor } from "../rig/Rig.ts";

let browser: Browser;
beforeAll(async () => {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
afterAll(() => browser?.close());

const inStudy = inCopies(async (rig) => {
  rig.write("small.yaml", smallSpec);
  const archive = await packed((await smallBundle()).files, rig.directory);
  const { code, stderr } = await rig.pipe("run", "small.yaml", "--from-bundle", archive);
  assert.strictEqual(code, 0, stderr);
});

interface Served extends Running {
  readonly address: string;
}

/** Starts `pipe ui`, which prints its address when it listens. */
const serve = async (rig: Rig, ...args: ReadonlyArray<string>): Promise<Served> => {
  const running = rig.start(["ui", ...args]);
  let printed = "";
  running.child.stdout!.on("data", (text: string) => (printed += text));
  await rig.until("pipe ui prints its address", () => printed.includes("\n"));
  return { ...running, address: printed.trim() };
};

interface Opened {
  readonly page: Page;
  /** Requests to others, and everything on the console. */
  readonly complaints: ReadonlyArray<string>;
}

const open = async (address: string, options: BrowserContextOptions = {}): Promise<Opened> => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: Array<string> = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && !request.url().startsWith(new URL("/", address).href))
      complaints.push(request.url());
  });
  await page.goto(address);
  return { page, complaints };
};

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly address?: string;
}

/** The status of the answer to a request that no browser sends. */
const statusOf = (address: string, asked: Asked): Promise<number> => {
  const { hostname, port, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    const { method = "GET", host = `${hostname}:${port}`, path = pathname } = asked;
    const options = { host: asked.address ?? hostname, port, method, path, headers: { host } };
    http
      .request(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
      .once("error", reject)
      .end();
  });
};

const going = `name: going
stages:
  first: { use: command, with: { run: ${puppet("first", { does: waitFor("go-1") })} } }
  second: { use: command, from: { first: first }, with: { run: ${puppet("second", { does: waitFor("go-2") })} } }
`;

const startGoing = async (rig: Rig): Promise<Running> => {
  rig.write("going.yaml", going);
  const run = rig.start(["run", "going.yaml"]);
  await rig.until("the first puppet is called", () => rig.calls.length === 1);
  return run;
};

const stateOf = (page: Page, stage: number, state: string) =>
  page.waitForSelector(`table.grid tbody tr td:nth-of-type(${stage}).${state}`);

describe("pipe ui", () => {
  it(
    "follows a run until it is killed, on its page and in the list",
    inRig(async (rig) => {
      const run = await startGoing(rig);
      const { address } = await serve(rig);
      const list = await open(address);
      await list.page.waitForSelector("tr:has-text('going-1') .badge.running");
      const { page, complaints } = await open(address);
      await page.getByRole("link", { name: "going-1" }).click();
      await stateOf(page, 1, "running");
      await page.getByText("as it was when the run began").click();
      await page.getByRole("link", { name: "All runs" }).focus();
      rig.write("go-1", "");
      await stateOf(page, 1, "made");
      await stateOf(page, 2, "running");
      run.child.kill("SIGKILL");
      await run.ended;
      await stateOf(page, 2, "lost");
      await page.waitForSelector(".badge.killed");
      await list.page.waitForSelector("tr:has-text('1 of 2') .badge.killed");
      // The reader's open details and focus stay.
      assert.isTrue(await page.evaluate("document.querySelector('details').open"));
      assert.strictEqual(await page.evaluate("document.activeElement.textContent"), "All runs");
      assert.deepStrictEqual([...complaints, ...list.complaints], []);
    }),
  );

  it(
    "lists a run that begins later, and says when the server is gone",
    inRig(async (rig) => {
      rig.write(
        "e.yaml",
        `name: e\nstages: { a: { use: command, with: { run: ${puppet("a")} } } }\n`,
      );
      const ui = await serve(rig);
      const { page } = await open(ui.address);
      await page.waitForSelector("text=None yet");
      await rig.made("e.yaml");
      await page.waitForSelector("tr:has-text('e-1') .badge.done");
      ui.child.kill("SIGINT");
      assert.strictEqual((await ui.ended).code, 130);
      await page.waitForSelector("text=`pipe ui` does not answer");
    }),
  );

  it(
    "refuses a wrong token, other names, and every way to write",
    inStudy(async (rig) => {
      const { address } = await serve(rig);
      const { port, pathname } = new URL(address);
      const status = (asked: Asked) => statusOf(address, asked);
      assert.strictEqual(await status({}), 200);
      assert.strictEqual(await status({ host: "localhost:1" }), 200);
      assert.strictEqual(await status({ path: `${pathname}runs/small-1` }), 200);
      const wrong = pathname.replace(/^\/./u, (start) => (start === "/A" ? "/B" : "/A"));
      for (const path of ["/", "/favicon.ico", wrong, "//", `${wrong}runs/small-1`, "/%"])
        assert.strictEqual(await status({ path }), 403, path);
      for (const host of [
        "evil.example",
        `evil.example:${port}`,
        "127.0.0.1.evil.example",
        "[::1]",
      ])
        assert.strictEqual(await status({ host }), 403, host);
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
        assert.strictEqual(await status({ method }), 405, method);
      for (const end of [
        "runs/small-2",
        "runs/..%2Fruns%2Fsmall-1",
        "runs/",
        "runs/%",
        "x",
        "runs/small-1/x",
      ])
        assert.strictEqual(await status({ path: pathname + end }), 404, end);
      // Nothing listens on other addresses, as a second one of the loopback interface shows.
      await status({ address: "127.0.0.2" }).then(
        () => assert.fail("127.0.0.2 answers"),
        (error: NodeJS.ErrnoException) => assert.strictEqual(error.code, "ECONNREFUSED"),
      );
    }),
  );

  for (const colorScheme of ["light", "dark"] as const)
    it(
      `is accessible in ${colorScheme} (axe), and fits 320 pixels`,
      inStudy(async (rig) => {
        const { address } = await serve(rig);
        for (const place of [address, `${address}runs/small-1`]) {
          const { page, complaints } = await open(place, { colorScheme });
          // The page has asked for what is new, and there is nothing more.
          if (place !== address) await page.waitForSelector("#browser .sample");
          await page.waitForResponse((response) => response.status() === 304);
          assert.deepStrictEqual(complaints, []);
          await page.evaluate(`{${axe.source}}`);
          const found = (await page.evaluate(
            `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 200)))`,
          )) as ReadonlyArray<string>;
          assert.deepStrictEqual(found, []);
          await page.setViewportSize({ width: 320, height: 700 });
          assert.isAtMost(
            (await page.evaluate("document.documentElement.scrollWidth")) as number,
            320,
          );
          await page.context().close();
        }
      }),
    );

  it(
    "shows the best arm in the list and the report of a run, samples and all",
    inStudy(async (rig) => {
      const { address } = await serve(rig, "small-1");
      assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{24}\/runs\/small-1$/u);
      const { page } = await open(address);
      await page.waitForSelector("#browser .sample");
      await page.getByRole("link", { name: "All runs" }).click();
      const row = await page.innerText("tr:has-text('small-1')");
      assert.match(row, /strong: a \.?\d/u);
      await page.context().close();
    }),
  );

  it(
    "says what is wrong with a run's name or a port",
    inStudy(async (rig) => {
      const unknown = await rig.pipe("ui", "smal-1");
      assert.strictEqual(unknown.code, 2);
      assert.include(unknown.stderr, "small-1");
      const { address } = await serve(rig);
      const taken = await rig.pipe("ui", "--port", new URL(address).port);
      assert.strictEqual(taken.code, 2);
      assert.include(taken.stderr, "name another with --port");
    }),
  );
});
