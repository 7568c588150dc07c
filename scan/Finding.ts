/** Something that should not be published. It holds nothing of the secret itself: it may be printed and logged. */
import { Schema } from "effect";
import { createHash } from "node:crypto";

export const Finding = Schema.Struct({
  /** A hash of kind, path and secret, the same at each try to bundle. `--allow ID=REASON` names it. */
  id: Schema.String,
  /** The file's path; a finding in the path itself is masked. */
  path: Schema.String,
  /** `line:column`, `byte N`, `name` or `whole file`; `outer!inner` inside a packed or encoded part. */
  place: Schema.String,
  kind: Schema.String,
  shown: Schema.String,
  /** The number of places in the file. */
  times: Schema.Int,
  advice: Schema.String,
});
export interface Finding extends Schema.Schema.Type<typeof Finding> {}

/** Names of this machine, its users and, for double-blind review, the authors. They match as whole words in any case. */
export interface KnownNames {
  readonly users: ReadonlyArray<string>;
  readonly hosts: ReadonlyArray<string>;
  readonly homes: ReadonlyArray<string>;
  /** Authors and addresses of their repositories, for anonymous bundles only. ORCIDs are refused with them. */
  readonly withheld?: ReadonlyArray<string>;
}

export type Sort = "secret" | "person" | "machine" | "unreadable";

export const advice: Readonly<Record<Sort, string>> = {
  secret: "revoke it, since others may have seen it, and remove it from the source of this file",
  person: "remove it from the source of this file, or allow it if it may be public",
  machine: "make the path relative or the name general in the source of this file, then rerun that",
  unreadable:
    "the scan reads text, gzip, PNG, and Parquet and safetensors as pipe writes them: convert the file, leave it out, or check it yourself and allow it",
};

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export const findingId = (kind: string, path: string, secret: string): string =>
  sha256(JSON.stringify([kind, path, sha256(secret)])).slice(0, 12);

/** `open` is public knowledge about such a secret, such as `hf_`. */
export const masked = (open: string, secret: string): string =>
  `${open}••• (${secret.length} characters)`;
