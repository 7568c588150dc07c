/**
 * The files of a repository of the Hub at a commit, from the cache that Python's `huggingface_hub` shares or from the Hub:
 * `<cache>/datasets--OWNER--NAME/blobs/<hash>`, and links to them in `snapshots/<commit>/`.
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { download, hasHash } from "./download.ts";
import { HubClient, type HubFile, HubRefused, type HubSource } from "./HubClient.ts";
import type { HubSettings } from "./hubSettings.ts";
import type { RequestFailed } from "./Retries.ts";

export interface SnapshotFile {
  /** In the repository, with forward slashes. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
}

export interface SnapshotReports {
  readonly progress: (done: number, total: number) => Effect.Effect<void>;
  readonly failed: (failure: RequestFailed) => Effect.Effect<void>;
}

const simultaneousDownloads = 4;

/** The wanted files, sorted by path; each is verified by its hash. */
export const fetchSnapshot = Effect.fnUntraced(function* (
  settings: HubSettings,
  source: HubSource,
  wanted: (path: string) => boolean,
  reports: SnapshotReports,
) {
  const home = path.join(settings.cache, [`${source.type}s`, ...source.repo.split("/")].join("--"));
  const snapshot = path.join(home, "snapshots", source.revision);
  if (settings.isOffline) return yield* cachedFiles(snapshot, source, wanted);
  const client = new HubClient(settings, reports.failed);
  const files = (yield* client.list(source)).filter((file) => wanted(file.path));
  const unsafe = files.find(
    (file) => !isSafePath(file.path) || !/^[\da-f]{40,64}$/u.test(file.hash),
  );
  if (unsafe !== undefined)
    return yield* new HubRefused({
      message: `${source.repo} lists a file with the path ${JSON.stringify(unsafe.path)} and the hash ${JSON.stringify(unsafe.hash)}`,
      fix: "check HF_ENDPOINT, the address of a Hub",
    });
  // Files of equal content share a blob, which must be downloaded once: the second download would lose its file to the first.
  const blobs = [...new Map(files.map((file) => [file.hash, file])).values()];
  const blobOf = ({ hash }: HubFile) => path.join(home, "blobs", hash);
  let done = 0;
  const fetchBlob = Effect.fnUntraced(function* (file: HubFile) {
    const blob = blobOf(file);
    const isThere = fs.existsSync(blob) && (yield* Effect.promise(() => hasHash(blob, file)));
    if (!isThere) yield* download(client, source, file, blob);
    done += 1;
    yield* reports.progress(done, blobs.length);
  });
  yield* Effect.forEach(blobs.toSorted(byPath), fetchBlob, { concurrency: simultaneousDownloads });
  return files.toSorted(byPath).map((file): SnapshotFile => {
    const place = path.join(snapshot, file.path);
    link(blobOf(file), place);
    return { path: file.path, file: place };
  });
});

const byPath = (one: { readonly path: string }, other: { readonly path: string }): number =>
  one.path < other.path ? -1 : 1;

const isSafePath = (name: string): boolean =>
  name !== "" &&
  !path.isAbsolute(name) &&
  name.split("/").every((part) => !["", ".", ".."].includes(part));

const link = (blob: string, place: string): void => {
  fs.mkdirSync(path.dirname(place), { recursive: true });
  const target = path.relative(path.dirname(place), blob);
  if (fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined) {
    if (isLinkTo(place, target)) return;
    fs.rmSync(place);
  }
  fs.symlinkSync(target, place);
};

const isLinkTo = (place: string, target: string): boolean =>
  fs.lstatSync(place).isSymbolicLink() && fs.readlinkSync(place) === target;

/** Without the Hub the list of files is what an earlier download left; the name of a blob is its hash. */
const cachedFiles = Effect.fnUntraced(function* (
  snapshot: string,
  { type, repo, revision }: HubSource,
  wanted: (path: string) => boolean,
) {
  const files = namesBelow(snapshot)
    .filter(wanted)
    .map((name) => ({ path: name, file: path.join(snapshot, name) }))
    .toSorted(byPath);
  const refused = (message: string) =>
    new HubRefused({
      message,
      fix: "unset HF_HUB_OFFLINE once, or check HF_HOME and HF_HUB_CACHE",
    });
  if (files.length === 0)
    return yield* refused(
      `the ${type} ${repo} at ${revision} is not in the cache, and HF_HUB_OFFLINE forbids a download`,
    );
  for (const { path: name, file } of files) {
    const blob = fs.existsSync(file) ? fs.realpathSync(file) : undefined;
    const hash = blob === undefined ? "" : path.basename(blob);
    const isNamedByHash = /^(?:[\da-f]{40}|[\da-f]{64})$/u.test(hash);
    const size = blob === undefined ? 0 : fs.statSync(blob).size;
    const isWhole =
      blob !== undefined &&
      (!isNamedByHash || (yield* Effect.promise(() => hasHash(blob, { hash, size }))));
    if (!isWhole)
      return yield* refused(`${name} of ${repo} is damaged in the cache: ${blob ?? file}`);
  }
  return files satisfies ReadonlyArray<SnapshotFile>;
});

const namesBelow = (directory: string): ReadonlyArray<string> =>
  fs.existsSync(directory)
    ? fs
        .readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    : [];
