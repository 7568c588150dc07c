/** Downloads a file of the Hub into the cache: resumed where a download broke off, verified by its hash. */
import { Effect } from "effect";
import { createHash, type Hash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { broken, type HubClient, type HubFile, HubRefused, type HubSource } from "./HubClient.ts";

/**
 * Leaves the file at `blob`. `<blob>.incomplete` holds what has come so far, as with Python's library. A file with a wrong
 * hash is deleted and fetched once more from its first byte.
 */
export const download = Effect.fnUntraced(function* (
  client: HubClient,
  source: HubSource,
  file: HubFile,
  blob: string,
) {
  const incomplete = `${blob}.incomplete`;
  fs.mkdirSync(path.dirname(blob), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    yield* client.patiently(fetchRest(client, source, file, incomplete));
    if (yield* Effect.promise(() => hasHash(incomplete, file))) break;
    fs.rmSync(incomplete, { force: true });
    if (attempt === 2)
      return yield* new HubRefused({
        message: `${file.path} of ${source.repo} came twice with another content than its hash ${file.hash} says`,
        fix: "check what stands between this machine and the Hub (a proxy, a mirror in HF_ENDPOINT)",
      });
  }
  fs.renameSync(incomplete, blob);
});

const fetchRest = Effect.fnUntraced(function* (
  client: HubClient,
  source: HubSource,
  file: HubFile,
  incomplete: string,
) {
  const before = fs.statSync(incomplete, { throwIfNoEntry: false })?.size ?? 0;
  if (before === file.size && before > 0) return;
  const start = before < file.size ? before : 0;
  const response = yield* client.open(source, file, start);
  // A server may ignore the range and send the whole file.
  const continues = response.status === 206 && startOf(response) === start;
  yield* Effect.tryPromise({
    try: (signal) => writeBody(response, incomplete, continues ? "a" : "w", signal),
    catch: (cause) => broken(response.url, cause),
  });
});

/** `Content-Range: bytes 100-199/200` */
const startOf = (response: Response): number =>
  Number(/^bytes (\d+)-/u.exec(response.headers.get("content-range") ?? "")?.[1] ?? NaN);

const writeBody = async (
  response: Response,
  target: string,
  flags: string,
  signal: AbortSignal,
): Promise<void> => {
  const file = await fs.promises.open(target, flags);
  try {
    for await (const chunk of response.body ?? []) {
      signal.throwIfAborted();
      await file.writeFile(chunk as Uint8Array);
    }
    await file.sync();
  } finally {
    await file.close();
  }
};

/** Checks the hash of a file: a SHA-256 or, with 40 digits, git's SHA-1 of a blob. */
export const hasHash = async (
  name: string,
  { hash, size }: Pick<HubFile, "hash" | "size">,
): Promise<boolean> => {
  if (fs.statSync(name).size !== size) return false;
  const digest: Hash =
    hash.length === 40 ? createHash("sha1").update(`blob ${size}\0`) : createHash("sha256");
  for await (const chunk of fs.createReadStream(name, { highWaterMark: 2 ** 20 }))
    digest.update(chunk as Buffer);
  return digest.digest("hex") === hash;
};
