/** Answers a request, or refuses it: only who has the token reads, only by this machine's own names, and nobody writes. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MadePage } from "./FreshPage.ts";

export interface Request {
  readonly method: string;
  /** The header, which tells the name that the browser took for this server. */
  readonly host: string;
  readonly path: string;
  /** The version of the page that the browser has. */
  readonly known: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Undefined for a run that the store lacks. */
export interface Pages {
  readonly index: () => Promise<MadePage>;
  readonly run: (name: string) => Promise<MadePage> | undefined;
}

export const answer = async (pages: Pages, token: string, request: Request): Promise<Answer> => {
  const { method, host, path, known } = request;
  // A page elsewhere may have its own name lead to this address (DNS rebinding): its requests bear that name.
  if (!ownNames.has(host.replace(/:\d+$/u, "").toLowerCase()))
    return plain(
      403,
      "pipe ui answers to 127.0.0.1 and localhost only: open the address that it printed",
    );
  const [given = "", ...rest] = path.split("/").slice(1);
  if (!isEqual(given, token))
    return plain(
      403,
      "this address lacks the token: open the whole address that `pipe ui` printed",
    );
  if (method !== "GET" && method !== "HEAD")
    return plain(405, "pipe ui only reads: there is nothing to write here", { allow: "GET, HEAD" });
  try {
    const page = await pageAt(pages, rest);
    if (page === undefined)
      return plain(
        404,
        "there is no such page: the list of all runs is at the address that `pipe ui` printed",
      );
    const { version, text } = page;
    const etag = `"${version}"`;
    if (etag === known) return { status: 304, headers: { ...always, etag }, body: "" };
    return {
      status: 200,
      headers: { ...always, "content-type": "text/html; charset=utf-8", etag },
      body: text,
    };
  } catch (error) {
    return plain(500, `the page can't be made: ${(error as Error).message}`);
  }
};

const ownNames: ReadonlySet<string> = new Set(["127.0.0.1", "localhost"]);

const pageAt = (pages: Pages, parts: ReadonlyArray<string>): Promise<MadePage> | undefined => {
  const [first, name = "", ...more] = parts;
  if (more.length > 0) return undefined;
  if (first === "" && parts.length === 1) return pages.index();
  const run = decoded(name);
  return first === "runs" && run !== undefined ? pages.run(run) : undefined;
};

const decoded = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
};

/** Takes the same time wherever the texts differ. */
const isEqual = (one: string, other: string): boolean => {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
};

/** The page's own policy is in the page; what only a header can say is here. The token must not leave by a link or a cache. */
const always = {
  "cache-control": "no-store",
  "content-security-policy": "frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

const plain = (
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  status,
  headers: { ...always, ...headers, "content-type": "text/plain; charset=utf-8" },
  body: message,
});
