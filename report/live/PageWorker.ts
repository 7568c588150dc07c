/**
 * Makes reports on a thread of its own: drawing the figures of a large run takes seconds, in which the server still answers,
 * and ends at once when it is told to.
 */
import { Worker } from "node:worker_threads";
import type { ReportRequest } from "../ReportRequest.ts";

/** The thread imports the module that made the server: in a built pipe, one file. A thread loads it once. */
const program = `
const { parentPort, workerData } = require("node:worker_threads");
parentPort.on("message", async ({ id, request }) => {
  try {
    const { makeReport } = await import(workerData);
    parentPort.postMessage({ id, page: await makeReport(request) });
  } catch (error) {
    parentPort.postMessage({ id, trouble: error.message });
  }
});`;

interface Answer {
  readonly id: number;
  readonly page?: string;
  readonly trouble?: string;
}

interface Waiting {
  readonly resolve: (page: string) => void;
  readonly reject: (error: Error) => void;
}

export class PageWorker {
  private readonly module: string;
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;

  /** The address of `report.ts`, or of the file that it was built into. */
  constructor(module: string) {
    this.module = module;
  }

  make(request: ReportRequest): Promise<string> {
    this.worker ??= this.start();
    const id = (this.asked += 1);
    const page = new Promise<string>((resolve, reject) =>
      this.waiting.set(id, { resolve, reject }),
    );
    this.worker.postMessage({ id, request });
    return page;
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(program, { eval: true, workerData: this.module });
    worker.on("message", ({ id, page, trouble }: Answer) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (page === undefined) waiting?.reject(new Error(trouble));
      else waiting?.resolve(page);
    });
    // It ran out of memory, for example: the next page gets a new thread.
    worker.on("error", (error: Error) => this.lose(error));
    worker.on("exit", () => this.lose(new Error("the thread that makes pages has ended")));
    return worker;
  }

  private lose(error: Error): void {
    this.worker = undefined;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
