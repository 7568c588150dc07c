/**
 * A Hub on the loopback address: one repository, to read and to write. Large files are in LFS, as on the Hub, on another host.
 * It can break off, refuse and damage what it sends and what it is sent. `push.test.ts` holds it against Python's libraries.
 */
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import {
  isLarge,
  gitHash,
  Refused,
  Repository,
  sha256,
  type Stored,
  stored,
} from "./Repository.ts";

export const commit = "0123456789abcdef0123456789abcdef01234567";
export const token = "hf_a_token_that_stays_secret";
const firstCommit = "f".repeat(40);
const filesAPage = 2;

interface Incoming {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
}

interface Exchange extends Incoming {
  readonly url: URL;
  readonly body: Buffer;
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
  /** So many uploads break off after their first bytes. */
  brokenUploads = 0;
  /** So many large files have room. */
  room = Number.POSITIVE_INFINITY;
  /** Larger files are uploaded in parts of so many bytes. */
  partBytes = Number.POSITIVE_INFINITY;
  /** So many commits are made without an answer. */
  lostAnswers = 0;
  /** Called before each commit. */
  beforeCommit: (repository: Repository) => void = () => {};
  url = "";
  /** Undefined until somebody creates it. */
  repository: Repository | undefined;
  private readonly parts = new Map<string, Buffer>();
  private readonly server: http.Server;
  private readonly large: http.Server;
  private readonly repo: string;
  private readonly type: "dataset" | "model";

  /** Without a directory there is no repository yet. */
  constructor(type: "dataset" | "model", repo: string, directory?: string) {
    this.type = type;
    this.repo = repo;
    if (directory !== undefined) this.repository = new Repository(commit, filesIn(directory));
    // A client that was killed leaves half a request.
    const serve = (answer: (exchange: Incoming) => Promise<void>) =>
      http.createServer((request, response) => {
        answer({ request, response }).catch(() => response.destroy());
      });
    this.server = serve((incoming) => this.answer(incoming));
    this.large = serve((incoming) => this.answerLarge(incoming));
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

  private get page(): string {
    return `${this.type === "dataset" ? "/datasets" : ""}/${this.repo}`;
  }

  private get largeUrl(): string {
    return `http://localhost:${port(this.large)}`;
  }

  private async answer({ request, response }: Incoming): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const { range = "", authorization } = request.headers;
    this.requests.push(`${request.method} ${url.pathname} ${range}`.trim());
    const body = await bytesOf(request);
    const writes = request.method === "POST" && !url.pathname.includes("/paths-info/");
    if ((this.needsToken || writes) && authorization !== `Bearer ${token}`)
      return void response.writeHead(401, { "x-error-code": "RepoNotFound" }).end("no");
    if (this.busy > 0) {
      this.busy -= 1;
      return void response.writeHead(429, { "retry-after": "1" }).end();
    }
    try {
      this.route({ request, response, url, body });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const code = error.status === 404 ? { "x-error-code": error.message } : {};
      response.writeHead(error.status, { ...code, "content-type": "application/json" });
      response.end(JSON.stringify({ error: error.message }));
    }
  }

  private route(exchange: Exchange): void {
    const { url, response } = exchange;
    if (url.pathname === "/api/whoami-v2") return sendJson(response, { name: "tester", orgs: [] });
    // Python's client has the header of a card checked first.
    if (url.pathname === "/api/validate-yaml")
      return sendJson(response, { errors: [], warnings: [] });
    if (url.pathname === "/api/repos/create") return this.create(exchange);
    const { page } = this;
    const api = `/api/${this.type}s/${this.repo}`;
    const { repository } = this;
    if (repository === undefined || ![page, api].some((own) => url.pathname.startsWith(own)))
      throw new Refused(404, "RepoNotFound");
    if (url.pathname === `${page}.git/info/lfs/objects/batch`) return this.batch(exchange);
    if (url.pathname === `${page}.git/info/lfs/objects/verify`) return this.verify(exchange);
    const [, what = "", revision = "main", ...rest] = url.pathname
      .slice((url.pathname.startsWith(api) ? api : page).length)
      .split("/");
    const at = repository.at(decodeURIComponent(revision));
    if (at === undefined) throw new Refused(404, "RevisionNotFound");
    const files = [...at.files.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1));
    const name = decodeURIComponent(rest.join("/"));
    if (what === "tree") return this.sendTree(filesBelow(files, name), exchange);
    if (what === "paths-info") return sendPaths(files, exchange);
    if (what === "preupload") return preupload(at.files, exchange);
    if (what === "commit") return this.commit(repository, exchange);
    if (what === "resolve") return this.resolve(at.oid, at.files.get(name), exchange);
    if (what !== "revision" && what !== "") throw new Refused(404, "EntryNotFound");
    sendJson(response, {
      id: this.repo,
      sha: at.oid,
      private: repository.isPrivate,
      siblings: files.map((file) => ({ rfilename: file.path })),
      tags: [],
      downloads: 0,
      likes: 0,
    });
  }

  private create({ body, response }: Exchange): void {
    const asked = json(body) as Readonly<Record<string, unknown>>;
    const repo = `${asked["organization"]}/${asked["name"]}`;
    if (repo !== this.repo) throw new Refused(403, `You don't have the rights to create ${repo}`);
    if ((asked["type"] ?? "model") !== this.type) throw new Refused(400, "another type");
    const url = `${this.url}${this.page}`;
    if (this.repository !== undefined) {
      response.statusCode = 409;
      return sendJson(response, { error: "You already created this repo", url });
    }
    const isPrivate = asked["private"] === true || asked["visibility"] === "private";
    const attributes = stored(".gitattributes", Buffer.from("*.parquet filter=lfs\n"));
    this.repository = new Repository(firstCommit, [attributes], isPrivate);
    sendJson(response, { url, name: repo });
  }

  private batch({ body, response }: Exchange): void {
    const { operation, transfers, objects } = json(body) as {
      readonly operation: string;
      readonly transfers: ReadonlyArray<string>;
      readonly objects: ReadonlyArray<{ readonly oid: string; readonly size: number }>;
    };
    if (operation !== "upload" || !transfers.includes("basic")) throw new Refused(422, "batch");
    const answers = objects.map(({ oid, size }) => {
      if (this.repository!.objects.has(oid)) return { oid, size };
      const count = Math.ceil(size / this.partBytes);
      const inParts = size > this.partBytes && transfers.includes("multipart");
      const parts = Array.from({ length: count }, (_, index) => [
        String(index + 1),
        `${this.largeUrl}/part/${oid}/${index + 1}?signature=secret`,
      ]);
      const upload = inParts
        ? {
            href: `${this.largeUrl}/complete/${oid}`,
            header: { chunk_size: String(this.partBytes), ...Object.fromEntries(parts) },
          }
        : { href: `${this.largeUrl}/whole/${oid}?signature=secret` };
      return {
        oid,
        size,
        actions: {
          upload,
          verify: { href: `${this.url}${this.page}.git/info/lfs/objects/verify` },
        },
      };
    });
    response.setHeader("content-type", "application/vnd.git-lfs+json");
    response.end(JSON.stringify({ transfer: "basic", objects: answers }));
  }

  private verify({ body, response }: Exchange): void {
    const { oid, size } = json(body) as { readonly oid: string; readonly size: number };
    if (this.repository!.objects.get(oid)?.length !== size) throw new Refused(400, "not uploaded");
    sendJson(response, {});
  }

  private commit(repository: Repository, { body, response }: Exchange): void {
    this.beforeCommit(repository);
    const lines = body.toString().trimEnd().split("\n");
    const { oid } = repository.commit(lines.map((line) => JSON.parse(line) as never));
    if (this.lostAnswers > 0) {
      this.lostAnswers -= 1;
      return void response.destroy();
    }
    const commitUrl = `${this.url}${this.page}/commit/${oid}`;
    sendJson(response, { success: true, commitOid: oid, commitUrl, hookOutput: "" });
  }

  private resolve(oid: string, file: Stored | undefined, { request, response }: Exchange): void {
    response.setHeader("x-repo-commit", oid);
    if (file === undefined) throw new Refused(404, "EntryNotFound");
    if (file.hash.length === 40) return send(request, response, file);
    response.writeHead(302, {
      location: `${this.largeUrl}/${file.hash}`,
      "x-linked-etag": `"${file.hash}"`,
      "x-linked-size": file.bytes.length,
    });
    response.end();
  }

  private sendTree(files: ReadonlyArray<Stored>, { url, response }: Exchange): void {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const to = from + filesAPage;
    if (to < files.length) {
      url.searchParams.set("cursor", String(to));
      response.setHeader("link", `<${url.href}>; rel="next"`);
    }
    sendJson(response, [
      ...(from === 0 ? [{ type: "directory", path: "data", size: 0, oid: "0".repeat(40) }] : []),
      ...files.slice(from, to).map(fileInfo),
    ]);
  }

  private async answerLarge({ request, response }: Incoming): Promise<void> {
    const { authorization, range = "" } = request.headers;
    this.requests.push(`${request.method} large ${range}`.trim());
    if (authorization !== undefined) this.tokensElsewhere.push(authorization);
    if (request.method === "PUT" && this.brokenUploads > 0) {
      this.brokenUploads -= 1;
      return void request.once("data", () => request.destroy());
    }
    const [, what = "", oid = "", part = ""] = new URL(request.url!, this.largeUrl).pathname.split(
      "/",
    );
    const body = await bytesOf(request);
    if (what === "part") return this.receivePart(`${oid}/${part}`, body, response);
    if (what === "complete") return this.complete(oid, body, response);
    if (what === "whole") return this.receive(oid, body, response);
    this.sendLarge(what, request, response);
  }

  private receivePart(name: string, body: Buffer, response: http.ServerResponse): void {
    this.parts.set(name, body);
    response.setHeader("etag", `"${gitHash(body)}"`);
    response.end();
  }

  private complete(oid: string, body: Buffer, response: http.ServerResponse): void {
    const { parts } = json(body) as {
      readonly parts: ReadonlyArray<{ readonly partNumber: number; readonly etag: string }>;
    };
    const pieces = parts.map(({ partNumber, etag }) => {
      const piece = this.parts.get(`${oid}/${partNumber}`);
      return piece !== undefined && etag === `"${gitHash(piece)}"` ? piece : Buffer.alloc(0);
    });
    this.receive(oid, Buffer.concat(pieces), response);
  }

  private receive(oid: string, body: Buffer, response: http.ServerResponse): void {
    const isRight = sha256(body) === oid;
    if (!isRight || this.room === 0) return void response.writeHead(isRight ? 403 : 400).end();
    this.room -= 1;
    this.repository!.objects.set(oid, body);
    response.end();
  }

  private sendLarge(hash: string, request: http.IncomingMessage, response: http.ServerResponse) {
    const bytes = this.repository!.objects.get(hash)!;
    if (request.method === "GET" && this.damaged > 0) {
      this.damaged -= 1;
      const changed = Buffer.from(bytes);
      changed[bytes.length >> 1]! ^= 1;
      return send(request, response, { bytes: changed, hash });
    }
    const cut = request.method === "GET" && this.cuts.times > 0;
    if (cut) this.cuts = { ...this.cuts, times: this.cuts.times - 1 };
    send(request, response, { bytes, hash }, cut ? this.cuts.after : undefined);
  }
}

const port = (server: http.Server): number => (server.address() as AddressInfo).port;

const filesIn = (directory: string): ReadonlyArray<Stored> =>
  fs
    .readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => fs.statSync(path.join(directory, name)).isFile())
    .map((name) =>
      stored(name.split(path.sep).join("/"), fs.readFileSync(path.join(directory, name))),
    );

/** All files for the top; an absent folder is no folder. */
const filesBelow = (files: ReadonlyArray<Stored>, folder: string): ReadonlyArray<Stored> => {
  const below = files.filter((file) => folder === "" || file.path.startsWith(`${folder}/`));
  if (folder !== "" && below.length === 0) throw new Refused(404, "EntryNotFound");
  return below;
};

const json = (body: Buffer): unknown => JSON.parse(body.toString());

const bytesOf = async (request: http.IncomingMessage): Promise<Buffer> => {
  const pieces: Array<Buffer> = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

const sendJson = (response: http.ServerResponse, value: unknown): void => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
};

const fileInfo = (file: Stored) => ({
  type: "file",
  path: file.path,
  size: file.bytes.length,
  oid: file.hash.length === 64 ? gitHash(Buffer.from("a pointer")) : file.hash,
  ...(file.hash.length === 64
    ? { lfs: { oid: file.hash, size: file.bytes.length, pointerSize: 134 } }
    : {}),
});

const sendPaths = (files: ReadonlyArray<Stored>, { request, body, response }: Exchange): void => {
  const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  const paths = isForm
    ? new URLSearchParams(body.toString()).getAll("paths")
    : [(json(body) as { readonly paths: string | ReadonlyArray<string> }).paths].flat();
  const folders = new Set(files.flatMap(({ path: name }) => foldersOf(name)));
  sendJson(response, [
    ...files.filter((file) => paths.includes(file.path)).map(fileInfo),
    ...paths
      .filter((name) => folders.has(name))
      .map((name) => ({ type: "directory", path: name, size: 0, oid: "0".repeat(40) })),
  ]);
};

const foldersOf = (name: string): ReadonlyArray<string> => {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
};

const preupload = (there: ReadonlyMap<string, Stored>, { body, response }: Exchange): void => {
  const { files } = json(body) as {
    readonly files: ReadonlyArray<{ readonly path: string; size: number; sample: string }>;
  };
  sendJson(response, {
    files: files.map(({ path: name, size, sample }) => {
      if (Buffer.from(sample, "base64").length !== Math.min(size, 512))
        throw new Refused(400, `the sample of ${name} has another length`);
      const uploadMode = isLarge(name) ? "lfs" : "regular";
      return { path: name, uploadMode, shouldIgnore: false, oid: there.get(name)?.hash };
    }),
  });
};

const send = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { bytes, hash }: Pick<Stored, "bytes" | "hash">,
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
