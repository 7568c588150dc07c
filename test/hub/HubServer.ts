/**
 * A Hub on the loopback address, for downloads: one repository at one commit. Large files are in LFS, as on the Hub, behind a
 * redirect to another host. It can break off, refuse and damage what it sends.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

export const commit = "0123456789abcdef0123456789abcdef01234567";
export const token = "hf_a_token_that_stays_secret";
const isLarge = (name: string) => /\.(?:parquet|safetensors)$/u.test(name);
const filesAPage = 2;

interface Stored {
  readonly path: string;
  readonly bytes: Buffer;
  /** SHA-256 in LFS, otherwise git's. */
  readonly hash: string;
}

export class HubServer {
  /** `GET /path range`, one a request. */
  readonly requests: Array<string> = [];
  /** Authorization headers at the host of the large files. */
  readonly tokensElsewhere: Array<string> = [];
  /** Breaks off large files after so many bytes, so many times. */
  cuts = { after: 0, times: 0 };
  /** So many requests are answered 429 with `Retry-After: 1`. */
  busy = 0;
  /** So many large files come with a changed byte. */
  damaged = 0;
  needsToken = false;
  url = "";
  private readonly files: ReadonlyArray<Stored>;
  private readonly server: http.Server;
  private readonly large: http.Server;
  private readonly repo: string;
  private readonly type: "dataset" | "model";

  constructor(type: "dataset" | "model", repo: string, directory: string) {
    this.type = type;
    this.repo = repo;
    this.files = fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => fs.statSync(path.join(directory, name)).isFile())
      .toSorted()
      .map((name) => stored(name, fs.readFileSync(path.join(directory, name))));
    this.server = http.createServer((request, response) => this.answer(request, response));
    this.large = http.createServer((request, response) => this.sendLarge(request, response));
  }

  async listen(): Promise<void> {
    for (const server of [this.server, this.large])
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${port(this.server)}`;
  }

  close(): void {
    for (const server of [this.server, this.large]) {
      server.closeAllConnections();
      server.close();
    }
  }

  private answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const { range = "" } = request.headers;
    this.requests.push(`${request.method} ${url.pathname} ${range}`.trim());
    if (this.needsToken && request.headers.authorization !== `Bearer ${token}`)
      return void response.writeHead(401, { "x-error-code": "RepoNotFound" }).end("no");
    if (this.busy > 0) {
      this.busy -= 1;
      return void response.writeHead(429, { "retry-after": "1" }).end();
    }
    const api = `/api/${this.type}s/${this.repo}`;
    const files = `${this.type === "dataset" ? "/datasets" : ""}/${this.repo}/resolve/${commit}/`;
    if (url.pathname === `${api}/tree/${commit}`) return this.sendTree(url, response);
    if (url.pathname === `${api}/revision/${commit}`)
      return sendJson(response, {
        id: this.repo,
        sha: commit,
        siblings: this.files.map((file) => ({ rfilename: file.path })),
      });
    const name = decodeURIComponent(url.pathname.slice(files.length));
    const file = this.files.find((each) => each.path === name);
    if (!url.pathname.startsWith(files) || file === undefined)
      return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end("no");
    response.setHeader("x-repo-commit", commit);
    if (!isLarge(name)) return send(request, response, file);
    response.writeHead(302, {
      location: `http://localhost:${port(this.large)}/${file.hash}`,
      "x-linked-etag": `"${file.hash}"`,
      "x-linked-size": file.bytes.length,
    });
    response.end();
  }

  private sendTree(url: URL, response: http.ServerResponse): void {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const to = from + filesAPage;
    if (to < this.files.length) {
      url.searchParams.set("cursor", String(to));
      response.setHeader("link", `<${url.href}>; rel="next"`);
    }
    sendJson(response, [
      ...(from === 0 ? [{ type: "directory", path: "data", size: 0, oid: "0".repeat(40) }] : []),
      ...this.files.slice(from, to).map((file) => ({
        type: "file",
        path: file.path,
        size: file.bytes.length,
        oid: isLarge(file.path) ? gitHash(Buffer.from("a pointer")) : file.hash,
        ...(isLarge(file.path)
          ? { lfs: { oid: file.hash, size: file.bytes.length, pointerSize: 134 } }
          : {}),
      })),
    ]);
  }

  private sendLarge(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { authorization, range = "" } = request.headers;
    this.requests.push(`${request.method} large ${range}`.trim());
    if (authorization !== undefined) this.tokensElsewhere.push(authorization);
    const file = this.files.find(({ hash }) => request.url === `/${hash}`)!;
    if (request.method === "GET" && this.damaged > 0) {
      this.damaged -= 1;
      const bytes = Buffer.from(file.bytes);
      bytes[bytes.length >> 1]! ^= 1;
      return send(request, response, { ...file, bytes });
    }
    const cut = request.method === "GET" && this.cuts.times > 0;
    if (cut) this.cuts = { ...this.cuts, times: this.cuts.times - 1 };
    send(request, response, file, cut ? this.cuts.after : undefined);
  }
}

const port = (server: http.Server): number => (server.address() as AddressInfo).port;

const gitHash = (bytes: Buffer): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

const stored = (name: string, bytes: Buffer): Stored => ({
  path: name.split(path.sep).join("/"),
  bytes,
  hash: isLarge(name) ? createHash("sha256").update(bytes).digest("hex") : gitHash(bytes),
});

const sendJson = (response: http.ServerResponse, value: unknown): void => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
};

const send = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { bytes, hash }: Stored,
  cutAfter?: number,
): void => {
  const from = Number(/^bytes=(\d+)-/u.exec(request.headers.range ?? "")?.[1] ?? 0);
  const part = bytes.subarray(from);
  response.setHeader("etag", `"${hash}"`);
  response.setHeader("content-length", part.length);
  response.setHeader("accept-ranges", "bytes");
  if (request.headers.range !== undefined) {
    response.setHeader("content-range", `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
    response.statusCode = 206;
  }
  if (request.method === "HEAD") return void response.end();
  if (cutAfter === undefined) return void response.end(part);
  // Time for the bytes to arrive before the connection breaks.
  response.write(part.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 100));
};
