/** Uploads to LFS: the Hub says where each object goes, in one piece or in parts, and leaves out those that it has. */
import { Effect, Schema } from "effect";
import { type HubClient, HubRefused, type Refusal } from "./HubClient.ts";
import { blobOf, type HubUpload } from "./HubUpload.ts";
import { replyOf, sendJson } from "./hubReplies.ts";

const ActionTo = Schema.Struct({
  href: Schema.String,
  /** `chunk_size`, and the address of each part by its number, where the object goes in parts. */
  header: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
});
type ActionTo = typeof ActionTo.Type;

const LfsObject = Schema.Struct({
  oid: Schema.String,
  actions: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        upload: Schema.optionalKey(ActionTo),
        verify: Schema.optionalKey(ActionTo),
      }),
    ),
  ),
  error: Schema.optionalKey(Schema.Struct({ message: Schema.String })),
});
type LfsObject = typeof LfsObject.Type;
const Batch = Schema.Struct({ objects: Schema.Array(LfsObject) });

export interface LargeOptions {
  readonly refused: (refusal: Refusal) => HubRefused;
  /** Called after each object, with the bytes of all that are done. */
  readonly progress: (bytes: number) => Effect.Effect<void>;
}

const lfsJson = "application/vnd.git-lfs+json";
const objectsABatch = 256;
const simultaneousUploads = 4;

/** Files of equal content are one object. */
export const uploadLarge = Effect.fnUntraced(function* (
  client: HubClient,
  batchUrl: string,
  uploads: ReadonlyArray<HubUpload>,
  { refused, progress }: LargeOptions,
) {
  const objects = [...new Map(uploads.map((upload) => [upload.sha256, upload])).values()];
  let bytes = 0;
  for (let from = 0; from < objects.length; from += objectsABatch) {
    const batch = objects.slice(from, from + objectsABatch);
    const body = {
      operation: "upload",
      transfers: ["basic", "multipart"],
      hash_algo: "sha256",
      objects: batch.map(({ sha256, size }) => ({ oid: sha256, size })),
    };
    const asked = yield* client.patiently(
      sendJson(client, batchUrl, body, refused, lfsJson).pipe(
        Effect.flatMap((response) => replyOf(response, Batch)),
      ),
    );
    const answers = new Map(asked.objects.map((object) => [object.oid, object]));
    const uploadOne = Effect.fnUntraced(function* (upload: HubUpload) {
      yield* uploadObject(client, upload, answers.get(upload.sha256), refused);
      bytes += upload.size;
      yield* progress(bytes);
    });
    yield* Effect.forEach(batch, uploadOne, { concurrency: simultaneousUploads, discard: true });
  }
});

const uploadObject = Effect.fnUntraced(function* (
  client: HubClient,
  upload: HubUpload,
  answer: LfsObject | undefined,
  refused: LargeOptions["refused"],
) {
  const trouble = answer === undefined ? "it is missing in the answer" : answer.error?.message;
  if (trouble !== undefined)
    return yield* new HubRefused({
      message: `the Hub does not take ${upload.path}: ${trouble}`,
      fix: "correct what the Hub names, then push again",
    });
  const target = answer?.actions?.upload;
  // An object without an action is there already.
  if (target === undefined) return;
  const chunk = Number(target.header?.["chunk_size"] ?? NaN);
  const blob = yield* Effect.promise(() => blobOf(upload));
  if (Number.isNaN(chunk)) yield* put(client, target.href, blob, upload);
  else yield* putParts(client, upload, target, { blob, chunk, refused });
  const verify = answer?.actions?.verify;
  if (verify === undefined) return;
  const claim = { oid: upload.sha256, size: upload.size };
  yield* client.patiently(sendJson(client, verify.href, claim, refused, lfsJson));
});

/** The response's entity tag. */
const put = (
  client: HubClient,
  url: string,
  body: Blob,
  { path }: HubUpload,
): Effect.Effect<string, HubRefused> =>
  client.patiently(
    Effect.flatMap(client.send(url, { method: "PUT", body }, notStored(path)), (response) =>
      Effect.promise(async () => {
        await response.body?.cancel();
        return response.headers.get("etag") ?? "";
      }),
    ),
  );

const notStored =
  (path: string) =>
  ({ status, said }: Refusal): HubRefused =>
    new HubRefused({
      message: `${said}: the host of large files does not take ${path}`,
      fix: "push again: addresses of uploads expire, and files that arrived are not sent twice",
      status,
    });

interface Parts {
  readonly blob: Blob;
  /** Bytes of a part. */
  readonly chunk: number;
  readonly refused: LargeOptions["refused"];
}

/** Parts go one after the other, since the objects already go side by side. */
const putParts = Effect.fnUntraced(function* (
  client: HubClient,
  upload: HubUpload,
  { href, header }: ActionTo,
  { blob, chunk, refused }: Parts,
) {
  const count = Math.ceil(upload.size / chunk);
  const parts: Array<{ readonly partNumber: number; readonly etag: string }> = [];
  for (let partNumber = 1; partNumber <= count; partNumber++) {
    const url = header?.[String(partNumber)];
    const isLast = header?.[String(count + 1)] === undefined;
    if (typeof url !== "string" || !(chunk > 0) || !isLast)
      return yield* new HubRefused({
        message: `the Hub has no address for part ${partNumber} of ${count} of ${upload.path}`,
        fix: "check HF_ENDPOINT, the address of a Hub",
      });
    const piece = blob.slice((partNumber - 1) * chunk, partNumber * chunk);
    parts.push({ partNumber, etag: yield* put(client, url, piece, upload) });
  }
  yield* client.patiently(sendJson(client, href, { oid: upload.sha256, parts }, refused, lfsJson));
});
