/**
 * One HTTP POST of JSON in bounded time and space. `fetch` can't serve: it gives up after 300 silent seconds. Node's client is
 * loaded on first use, since it takes a quarter of the time in which `pipe` starts.
 */
import type http from "node:http";

const largestReplyBytes = 64 * 2 ** 20;

export interface HttpReply {
  readonly status: number;
  /** The status in words, as HTTP names it: a server's own words may quote the key. */
  readonly meaning: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Rejects on a broken connection, an interrupt and a reply that is too large. Redirects are not followed. */
export const postJson = async (
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<HttpReply> => {
  const url = new URL(address);
  const http = await import("node:http");
  const { request } = url.protocol === "https:" ? await import("node:https") : http;
  const options = {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": "pipe", ...headers },
    signal,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      readText(response).then((text) => {
        const { statusCode: status = 0, headers: received } = response;
        const meaning = http.STATUS_CODES[status] ?? "unknown status";
        resolve({ status, meaning, headers: received, text });
      }, reject);
    });
    sent.once("error", reject).end(body);
  });
};

const readText = async (response: http.IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestReplyBytes) throw new Error("the reply is larger than 64 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};
