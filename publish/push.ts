/** Pushes files to the Hub: scan, compare with the newest commit, upload, commit. Without a difference there is no commit. */
import { Effect } from "effect";
import { sizeOf } from "../bundle/format/content.ts";
import { knownHere } from "../bundle/write/knownNames.ts";
import { scanEntries } from "../bundle/write/scanEntries.ts";
import { StoreTrouble, storeTrouble } from "../cache/StoreTrouble.ts";
import { type HubClient, HubRefused } from "../remote/HubClient.ts";
import { hashUpload, type HubUpload } from "../remote/HubUpload.ts";
import { type HubHead, HubWriter } from "../remote/HubWriter.ts";
import type { Allowance } from "../scan/scan.ts";
import { bytesText } from "../schemas/quantity.ts";
import { type Change, compare } from "./compare.ts";
import { cardFile, type Publication } from "./Publication.ts";
import { PushRefused } from "./PushRefused.ts";

export interface PushOptions {
  /** `owner/name` */
  readonly repo: string;
  readonly isPrivate: boolean;
  /** The commit's first line; by default the publication's title. */
  readonly message: string | undefined;
  /** The beginning of the hash of the commit that this one must follow. */
  readonly parent: string | undefined;
  /** Reasons of allowed findings of the scan, by id. */
  readonly allowed: ReadonlyMap<string, string>;
  readonly dryRun: boolean;
  readonly progress: (activity: string) => void;
}

export interface Pushed {
  /** The repository's address. */
  readonly page: string;
  readonly type: Publication["type"];
  readonly title: string;
  /** Whether the repository is new. */
  readonly created: boolean;
  readonly isPrivate: boolean;
  /** The newest commit before; undefined in a new repository. */
  readonly parent: string | undefined;
  /** Undefined where nothing changed, and in a dry run. */
  readonly commit: string | undefined;
  readonly dryRun: boolean;
  readonly changes: ReadonlyArray<Change>;
  readonly unchanged: number;
  readonly allowed: ReadonlyArray<Allowance>;
}

export const push = Effect.fn("push")(function* (
  client: HubClient,
  publication: Publication,
  options: PushOptions,
) {
  const { type, title } = publication;
  const { repo, isPrivate, dryRun, progress } = options;
  yield* checkSettings(client);
  const allowed = yield* scanned(publication, options);
  const uploads = yield* hashed(publication, progress);
  const writer = new HubWriter(client, { type, repo });
  progress(`reading ${repo}`);
  const before = yield* writer.head();
  yield* checkHead(writer, before, options);
  if (before === undefined && !dryRun) yield* writer.create(isPrivate);
  // A new repository has a first commit.
  const head = before ?? (dryRun ? undefined : yield* writer.head());
  const list = (revision: string) => client.list({ type, repo, revision });
  const there = head === undefined ? [] : yield* list(head.commit);
  const difference = compare(uploads, there, publication);
  const pushed: Pushed = {
    page: writer.page,
    type,
    title,
    created: before === undefined,
    isPrivate: head?.isPrivate ?? isPrivate,
    parent: head?.commit,
    commit: undefined,
    dryRun,
    changes: difference.changes,
    unchanged: uploads.length - difference.uploads.length,
    allowed,
  };
  if (dryRun || head === undefined || difference.changes.length === 0) return pushed;
  const bytes = bytesText(difference.uploads.reduce((sum, { size }) => sum + size, 0));
  const commit = yield* writer
    .commit({
      parent: head.commit,
      summary: options.message ?? `Push ${title}`,
      description: allowed.map(publishedOnPurpose).join("\n"),
      uploads: difference.uploads,
      deletions: difference.deletions,
      progress: (done) => Effect.sync(() => progress(`uploaded ${bytesText(done)} of ${bytes}`)),
    })
    .pipe(
      Effect.catchTag("ParentMoved", () =>
        Effect.gen(function* () {
          const now = yield* writer.head();
          // The commit may have been made and its answer lost.
          if (now !== undefined) {
            const { changes } = compare(uploads, yield* list(now.commit), publication);
            if (changes.length === 0) return now.commit;
          }
          return yield* parentMoved(writer, head.commit, now?.commit);
        }),
      ),
    );
  return { ...pushed, commit };
});

const checkSettings = ({ settings: { isOffline, token } }: HubClient) => {
  if (isOffline)
    return new PushRefused({
      message: "HF_HUB_OFFLINE forbids a push",
      fix: "unset HF_HUB_OFFLINE",
    });
  return token === undefined
    ? new PushRefused({
        message: "there is no token for the Hub",
        fix: "set HF_TOKEN to a token that may write (https://huggingface.co/settings/tokens), or run `hf auth login`",
      })
    : Effect.void;
};

/** The repository must be as the author expects it. */
const checkHead = (
  writer: HubWriter,
  head: HubHead | undefined,
  { isPrivate, parent }: PushOptions,
) => {
  if (parent !== undefined && head?.commit.startsWith(parent) !== true)
    return parentMoved(writer, parent, head?.commit);
  return isPrivate && head?.isPrivate === false
    ? new PushRefused({
        message: `${writer.page} exists and is public`,
        fix: "make it private in its settings on the Hub, name another repository, or leave out --private",
      })
    : Effect.void;
};

const parentMoved = ({ page }: HubWriter, expected: string, now: string | undefined) =>
  new HubRefused(
    now === undefined
      ? {
          message: `${page} does not exist, so it has no commit ${expected}`,
          fix: "check --to, or leave out --parent to create it",
        }
      : {
          message: `${page} has another newest commit than ${expected.slice(0, 12)}: somebody else committed ${now.slice(0, 12)}; nothing of this push is visible`,
          fix: `look at ${page}/commits/main, then push on top of it: --parent ${now.slice(0, 12)}`,
        },
  );

const publishedOnPurpose = ({ finding, reason }: Allowance): string =>
  `Published on purpose: ${finding.path}, ${finding.place}: ${finding.kind} (${reason})`;

const scanned = ({ files, card, recorded }: Publication, { allowed, progress }: PushOptions) =>
  scanEntries([...files, { path: cardFile, content: card }], {
    known: knownHere(false),
    allowed,
    recorded,
    progress,
  }).pipe(
    Effect.catchTag("BundleRefused", ({ message, fix }) =>
      Effect.fail(new PushRefused({ message, fix })),
    ),
  );

const hashed = Effect.fnUntraced(function* (
  { folder, files, card }: Publication,
  progress: PushOptions["progress"],
) {
  const all: Publication["files"] = [...files, { path: cardFile, content: card }];
  const total = bytesText(all.reduce((sum, { content }) => sum + sizeOf(content), 0));
  const uploads: Array<HubUpload> = [];
  let bytes = 0;
  for (const file of all) {
    const { path, content, sha256 } = file;
    const upload = yield* Effect.tryPromise({
      try: () => hashUpload(path === cardFile ? path : `${folder}${path}`, content),
      catch: storeTrouble(`${path} can't be read`),
    });
    if (sha256 !== undefined && sha256 !== upload.sha256)
      return yield* new StoreTrouble({
        message: `${path} differs from its digest in the store`,
        fix: "npx pipe fsck --repair removes damaged artifacts; then run the experiment again",
      });
    uploads.push(upload);
    progress(`hashing ${bytesText((bytes += sizeOf(content)))} of ${total}`);
  }
  return uploads as ReadonlyArray<HubUpload>;
});
