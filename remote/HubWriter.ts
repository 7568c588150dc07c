/**
 * Writes a repository of the Hub in one commit: large files go to LFS first, then the commit names them and holds the small ones.
 * A large file that the Hub has already is not sent again, so a push that broke off continues.
 *
 * `@huggingface/hub` does the same without retries, and knows neither HF_ENDPOINT nor tokens of other Hubs.
 */
import { Data, Effect, Schema } from "effect";
import { type HubClient, HubRefused, type HubRepository, type Refusal } from "./HubClient.ts";
import { blobOf, type HubUpload } from "./HubUpload.ts";
import { replyOf, sendJson } from "./hubReplies.ts";
import { uploadLarge } from "./uploadLarge.ts";

/** The branch that everybody reads. */
const branch = "main";

export interface HubHead {
  /** 40 hexadecimal digits. */
  readonly commit: string;
  readonly isPrivate: boolean;
}

export interface HubCommit {
  /** The commit must still be the head of the branch. */
  readonly parent: string;
  readonly summary: string;
  readonly description: string;
  readonly uploads: ReadonlyArray<HubUpload>;
  /** Paths. */
  readonly deletions: ReadonlyArray<string>;
  /** Called after each large file, with the bytes of all that are done. */
  readonly progress: (bytes: number) => Effect.Effect<void>;
}

/** Somebody else committed meanwhile. */
export class ParentMoved extends Data.TaggedError("ParentMoved")<{ readonly parent: string }> {}

const Revision = Schema.Struct({
  sha: Schema.String.check(Schema.isPattern(/^[\da-f]{40}$/u)),
  private: Schema.optionalKey(Schema.Boolean),
});
const Preupload = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      path: Schema.String,
      uploadMode: Schema.Literals(["regular", "lfs"]),
      shouldIgnore: Schema.optionalKey(Schema.Boolean),
    }),
  ),
});
const Committed = Schema.Struct({ commitOid: Schema.String });

const filesARequest = 256;
const sampleBytes = 512;

export class HubWriter {
  readonly client: HubClient;
  readonly repository: HubRepository;

  constructor(client: HubClient, repository: HubRepository) {
    this.client = client;
    this.repository = repository;
  }

  /** The address that people open. */
  get page(): string {
    const { type, repo } = this.repository;
    return `${this.client.settings.endpoint}/${type === "dataset" ? "datasets/" : ""}${repo}`;
  }

  /** The newest commit; undefined where there is no such repository, as far as the token can see. */
  head(): Effect.Effect<HubHead | undefined, HubRefused> {
    const url = `${this.api}/revision/${branch}`;
    const request = this.client
      .send(url, {}, (refusal) => this.refused(refusal))
      .pipe(Effect.flatMap((response) => replyOf(response, Revision)));
    return this.client.patiently(request).pipe(
      Effect.map(({ sha, private: isPrivate = false }) => ({ commit: sha, isPrivate })),
      Effect.catchIf(
        ({ status }) => status === 404,
        () => Effect.succeed(undefined),
      ),
    );
  }

  /** Creates the repository; one that exists by now is no error. */
  create(isPrivate: boolean): Effect.Effect<void, HubRefused> {
    const { type, repo } = this.repository;
    const [organization, name] = repo.split("/");
    const body = { organization, name, type, private: isPrivate };
    const url = `${this.client.settings.endpoint}/api/repos/create`;
    const request = sendJson(this.client, url, body, (refusal) => this.refused(refusal));
    return this.client.patiently(request).pipe(
      Effect.asVoid,
      Effect.catchIf(
        ({ status }) => status === 409,
        () => Effect.void,
      ),
    );
  }

  /** The commit's hash. */
  commit(commit: HubCommit): Effect.Effect<string, HubRefused | ParentMoved> {
    return Effect.gen({ self: this }, function* () {
      const large = yield* this.largeOf(commit.uploads);
      yield* uploadLarge(
        this.client,
        `${this.page}.git/info/lfs/objects/batch`,
        commit.uploads.filter(({ path }) => large.has(path)),
        { refused: (refusal) => this.refused(refusal), progress: commit.progress },
      );
      const lines = yield* Effect.promise(() => commitLines(commit, large));
      const init = {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: new Blob(lines.map((line) => `${JSON.stringify(line)}\n`)),
      };
      const request = this.client
        .send(`${this.api}/commit/${branch}`, init, (refusal) => this.refused(refusal))
        .pipe(Effect.flatMap((response) => replyOf(response, Committed)));
      return (yield* this.client.patiently(request)).commitOid;
    }).pipe(
      Effect.catchIf(
        (error) => error instanceof HubRefused && error.status === 412,
        () => Effect.fail(new ParentMoved({ parent: commit.parent })),
      ),
    );
  }

  /** The Hub decides by name, size and the first bytes which files go to LFS. */
  private largeOf(uploads: ReadonlyArray<HubUpload>) {
    return Effect.gen({ self: this }, function* () {
      const large = new Set<string>();
      for (let from = 0; from < uploads.length; from += filesARequest) {
        const files = yield* Effect.promise(() =>
          Promise.all(uploads.slice(from, from + filesARequest).map(sampleOf)),
        );
        const url = `${this.api}/preupload/${branch}`;
        const request = sendJson(this.client, url, { files }, (refusal) => this.refused(refusal));
        const reply = yield* this.client.patiently(
          Effect.flatMap(request, (response) => replyOf(response, Preupload)),
        );
        const ignored = reply.files.find(({ shouldIgnore }) => shouldIgnore === true);
        if (ignored !== undefined)
          return yield* new HubRefused({
            message: `the .gitignore of ${this.repository.repo} leaves out ${ignored.path}`,
            fix: "remove that line from the .gitignore, or push to another repository",
          });
        for (const { path, uploadMode } of reply.files) if (uploadMode === "lfs") large.add(path);
      }
      // LFS has no empty objects.
      for (const { path, size } of uploads) if (size === 0) large.delete(path);
      return large as ReadonlySet<string>;
    });
  }

  private get api(): string {
    return `${this.client.settings.endpoint}/api/${this.repository.type}s/${this.repository.repo}`;
  }

  private refused({ status, said }: Refusal): HubRefused {
    const { repo } = this.repository;
    const [owner] = repo.split("/");
    const refused = (message: string, fix: string) => new HubRefused({ message, fix, status });
    if (status === 401)
      return refused(
        `${said}: the Hub does not accept the token`,
        "set HF_TOKEN to a valid token (https://huggingface.co/settings/tokens)",
      );
    if (status === 403)
      return refused(
        `${said}: the token may not write ${repo}`,
        `set HF_TOKEN to a token with write access to ${owner}, or name another owner with --to`,
      );
    return refused(
      said,
      "correct what the Hub names; if it names nothing, check HF_ENDPOINT, the address of a Hub",
    );
  }
}

const sampleOf = async (upload: HubUpload) => {
  const blob = (await blobOf(upload)).slice(0, sampleBytes);
  const sample = Buffer.from(await blob.arrayBuffer()).toString("base64");
  return { path: upload.path, size: upload.size, sample };
};

const commitLines = async (
  { parent, summary, description, uploads, deletions }: HubCommit,
  large: ReadonlySet<string>,
): Promise<ReadonlyArray<object>> => [
  { key: "header", value: { summary, description, parentCommit: parent } },
  ...(await Promise.all(
    uploads.map(async (upload) => {
      const { path, size, sha256 } = upload;
      if (large.has(path))
        return { key: "lfsFile", value: { path, algo: "sha256", oid: sha256, size } };
      const bytes = await (await blobOf(upload)).arrayBuffer();
      const content = Buffer.from(bytes).toString("base64");
      return { key: "file", value: { path, encoding: "base64", content } };
    }),
  )),
  ...deletions.map((path) => ({ key: "deletedFile", value: { path } })),
];
