/** Serves the reports of a store's runs, and a list of them, to a browser on this machine. */
import { Clock, Effect } from "effect";
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { RunDirectory } from "../../cache/RunDirectory.ts";
import { Store } from "../../cache/Store.ts";
import { runNames } from "../../pipelines/history/RunHistory.ts";
import { readRunPlan, type RunPlan } from "../../pipelines/history/RunPlan.ts";
import { isRunAlive } from "../../pipelines/history/RunRecord.ts";
import { browserScript } from "../browserScript.ts";
import { pageStyle } from "../makeReport.ts";
import { answer, type Pages } from "./answer.ts";
import { FreshPage } from "./FreshPage.ts";
import { indexPage } from "./indexPage.ts";
import { PageWorker } from "./PageWorker.ts";
import { RunIndex } from "./RunIndex.ts";

export interface UiRequest {
  readonly home: string;
  /** 0 for a free one. */
  readonly port: number;
}

export interface Ui {
  /** Ends in `/`; the page of a run is at `runs/NAME` below it. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** `module` is the address of `report.ts`, or of the file that it was built into. Rejects where the port is taken. */
export const startUi = async ({ home, port }: UiRequest, module: string): Promise<Ui> => {
  const token = randomBytes(18).toString("base64url");
  const worker = new PageWorker(module);
  const pages = await pagesOf(home, worker);
  const server = createServer((request, response) => {
    const { method = "", headers, url = "" } = request;
    const asked = {
      method,
      host: headers.host ?? "",
      path: url.replace(/\?.*$/u, ""),
      known: headers["if-none-match"] ?? "",
    };
    void answer(pages, token, asked).then(({ status, headers: given, body }) =>
      response.writeHead(status, given).end(body),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${token}/`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await worker.close();
    },
  };
};

const pagesOf = async (home: string, worker: PageWorker): Promise<Pages> => {
  const index = new RunIndex(home);
  const shared = { style: pageStyle(), script: await browserScript() };
  const readPage = Effect.gen(function* () {
    const found = yield* index.read(yield* Clock.currentTimeMillis);
    return indexPage({ ...found, ...shared });
  }).pipe(Effect.provide(Store.layerReadOnly(home)));
  const runs = new Map<string, FreshPage>();
  return {
    index: async () => {
      const text = await Effect.runPromise(readPage);
      return { version: createHash("sha256").update(text).digest("base64url"), text };
    },
    run: (name) => {
      // Only names of the store's runs become paths.
      const plan = runNames(home).includes(name) ? readRunPlan(home, name) : undefined;
      if (plan === undefined) return undefined;
      const page = runs.get(name) ?? runPage(home, plan, worker);
      runs.set(name, page);
      return page.get();
    },
  };
};

/** A run's page changes when its log grows and when its process ends, killed or not. */
const runPage = (home: string, plan: RunPlan, worker: PageWorker): FreshPage => {
  const { events } = RunDirectory.of(home, plan.run);
  return new FreshPage(
    () =>
      `${fs.statSync(events, { throwIfNoEntry: false })?.size ?? 0}-${isRunAlive(home, plan.run)}`,
    async () => {
      const now = await Effect.runPromise(Clock.currentTimeMillis);
      return worker.make({ home, plans: [plan], now, isLive: true });
    },
  );
};
