/** Requests to the Hub with its token: the files of a commit, and a file from a byte on. Failures that may pass are retried. */
import { Data, Effect, Option, Schema } from "effect";
import type { HubSettings } from "./hubSettings.ts";
import { RequestFailed, Retries } from "./Retries.ts";
import { retryAfterSeconds } from "./retryAfter.ts";

export interface HubRepository {
  readonly type: "dataset" | "model";
  /** `owner/name` */
  readonly repo: string;
}

/** A repository at a commit. */
export interface HubSource extends HubRepository {
  /** 40 hexadecimal digits. */
  readonly revision: string;
}

export interface HubFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** SHA-256 of a file in LFS, otherwise git's SHA-1 of the blob; the cache's name for it. */
  readonly hash: string;
}

export class HubRefused extends Data.TaggedError("HubRefused")<{
  readonly message: string;
  readonly fix: string;
  /** The HTTP status of the answer, where there was one. */
  readonly status?: number;
}> {}

/** The Hub refused a request; retrying would not help. */
export interface Refusal {
  readonly status: number;
  /** The request and what the Hub said of it, without the token. */
  readonly said: string;
}

interface Page {
  readonly url: string;
  readonly text: string;
  readonly next: string | undefined;
}

const Tree = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      type: Schema.String,
      path: Schema.String,
      size: Schema.Int,
      oid: Schema.String,
      lfs: Schema.optionalKey(Schema.NullOr(Schema.Struct({ oid: Schema.String }))),
    }),
  ),
);
const decodeTree = Schema.decodeUnknownOption(Tree);

export class HubClient {
  readonly settings: HubSettings;
  private readonly retries: Retries;

  constructor(
    settings: HubSettings,
    onFailure: (failure: RequestFailed) => Effect.Effect<void> = () => Effect.void,
  ) {
    this.settings = settings;
    this.retries = new Retries(onFailure);
  }

  /** Runs a request again as long as its failure may pass. */
  readonly patiently = <A, E>(request: Effect.Effect<A, E | RequestFailed>) =>
    this.retries.run(request).pipe(
      Effect.mapError((failure) =>
        failure instanceof RequestFailed
          ? new HubRefused({
              message: failure.message,
              fix: "run the same command again once the Hub answers: what was transferred is kept",
            })
          : failure,
      ),
    );

  /** The files of the commit, whose list comes in pages. */
  readonly list = Effect.fnUntraced(
    function* (this: HubClient, source: HubSource) {
      const files: Array<HubFile> = [];
      const first = `${this.settings.endpoint}/api/${source.type}s/${source.repo}/tree/${source.revision}?recursive=true`;
      for (let page: string | undefined = first; page !== undefined;) {
        const { url, text, next }: Page = yield* this.patiently(this.page(page, source));
        const tree = Option.getOrUndefined(decodeTree(text));
        if (tree === undefined)
          return yield* new HubRefused({
            message: `${url} is no list of files`,
            fix: "check HF_ENDPOINT, the address of a Hub",
          });
        for (const { type, path, size, oid, lfs } of tree)
          if (type === "file") files.push({ path, size, hash: lfs?.oid ?? oid });
        page = next;
      }
      return files as ReadonlyArray<HubFile>;
    }.bind(this),
  );

  /** The response to a request of a file's bytes from `start` on. */
  readonly open = (source: HubSource, file: HubFile, start: number) => {
    const folder = source.type === "dataset" ? "datasets/" : "";
    const name = file.path.split("/").map(encodeURIComponent).join("/");
    const url = `${this.settings.endpoint}/${folder}${source.repo}/resolve/${source.revision}/${name}`;
    return this.get(url, source, start === 0 ? {} : { range: `bytes=${start}-` });
  };

  private page(url: string, source: HubSource) {
    return Effect.flatMap(this.get(url, source, {}), (response) =>
      Effect.tryPromise({
        try: async () => ({ url, text: await response.text(), next: nextPage(response) }),
        catch: (cause) => broken(url, cause),
      }),
    );
  }

  /** A request whose failures that may pass are `RequestFailed`. The token goes to the Hub's own address alone. */
  readonly send = (url: string, init: RequestInit, refused: (refusal: Refusal) => HubRefused) => {
    const { token, endpoint } = this.settings;
    const headers = new Headers(init.headers);
    // `fetch` takes the token off where a redirect leaves the host.
    if (token !== undefined && new URL(url).origin === new URL(endpoint).origin)
      headers.set("authorization", `Bearer ${token}`);
    return Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(url, { ...init, headers, signal });
        return { response, reason: response.ok ? "" : await reasonIn(response) };
      },
      catch: (cause) => broken(url, cause),
    }).pipe(
      Effect.flatMap(({ response, reason }) =>
        response.ok
          ? Effect.succeed(response)
          : Effect.fail(this.failure(url, response, reason, refused)),
      ),
    );
  };

  private get(url: string, source: HubSource, headers: Readonly<Record<string, string>>) {
    // A compressed answer would have other offsets.
    const init = { headers: { ...headers, "accept-encoding": "identity" } };
    return this.send(url, init, (refusal) => this.cantRead(refusal, source));
  }

  private failure(
    url: string,
    { status, headers }: Response,
    reason: string,
    refused: (refusal: Refusal) => HubRefused,
  ) {
    const { token } = this.settings;
    const said = `${shownUrl(url)} answered ${status}${reason === "" ? "" : ` (${reason})`}`;
    const safe = token === undefined ? said : said.replaceAll(token, "•••");
    if (status !== 429 && status < 500) return refused({ status, said: safe });
    return new RequestFailed({
      kind: String(status),
      message: safe,
      waitSeconds: retryAfterSeconds(headers.get("retry-after"), Date.now()),
    });
  }

  private cantRead({ status, said }: Refusal, { type, repo, revision }: HubSource) {
    if (status === 401 || status === 403)
      return new HubRefused({
        message: `${said}: the ${type} ${repo} does not exist, or needs ${this.settings.token === undefined ? "a token" : "another token"}`,
        fix: "check the name; for a private or gated repository set HF_TOKEN to a token that may read it",
      });
    if (status === 404)
      return new HubRefused({
        message: `${said}: there is no ${type} ${repo} at ${revision}`,
        fix: "check the name, and take the commit from the repository's history (Files → History)",
      });
    return new HubRefused({ message: said, fix: "check HF_ENDPOINT, the address of a Hub" });
  }
}

/** Signed addresses of large files have their signature in the query. */
const shownUrl = (url: string): string => url.replace(/\?.*$/su, "");

const longestReason = 300;

/** The reason that the Hub gives for refusing a request, in a header or as JSON. */
const reasonIn = async (response: Response): Promise<string> => {
  const body = await response.text();
  const said = response.headers.get("x-error-message") ?? errorIn(body);
  return said.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").slice(0, longestReason);
};

const ErrorBody = Schema.fromJsonString(Schema.Struct({ error: Schema.String }));
const errorIn = (body: string): string =>
  Option.match(Schema.decodeUnknownOption(ErrorBody)(body), {
    onNone: () => "",
    onSome: ({ error }) => error,
  });

/** A broken connection; retried. */
export const broken = (url: string, cause: unknown): RequestFailed => {
  const { message, cause: inner } = cause as Error & { readonly cause?: NodeJS.ErrnoException };
  return new RequestFailed({
    kind: "connection",
    message: `${shownUrl(url)} can't be reached, or the connection broke (${inner?.code ?? message})`,
    waitSeconds: 0,
  });
};

/** `Link: <URL>; rel="next"` */
const nextPage = (response: Response): string | undefined => {
  const link = /<([^>]+)>;\s*rel="next"/u.exec(response.headers.get("link") ?? "")?.[1];
  return link === undefined ? undefined : new URL(link, response.url).href;
};
