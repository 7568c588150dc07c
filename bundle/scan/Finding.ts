/** Something in a bundle that should not be published. Nothing of the secret itself is in it: it may be printed and logged. */
import { Schema } from "effect";
import { createHash } from "node:crypto";

export const Finding = Schema.Struct({
  /** Stays the same from one try at bundling to the next: of the kind, the path and the secret. `--allow ID=REASON` names it. */
  id: Schema.String,
  /** The file's path, with what was found in the name itself masked. */
  path: Schema.String,
  /** `line:column`, `byte N`, or `name` where it is in the path; `outer!inner` inside a container or an encoding. */
  place: Schema.String,
  kind: Schema.String,
  shown: Schema.String,
  /** In how many places of the file. */
  times: Schema.Int,
  advice: Schema.String,
});
export interface Finding extends Schema.Schema.Type<typeof Finding> {}

/** What names this machine, its people and, for double-blind review, the authors. Matched as whole words in any case. */
export interface Known {
  readonly users: ReadonlyArray<string>;
  readonly hosts: ReadonlyArray<string>;
  readonly homes: ReadonlyArray<string>;
  /** Names of authors and places where the work is developed; only where they are to stay unknown, and ORCIDs with them. */
  readonly withheld?: ReadonlyArray<string>;
}

export type Sort = "secret" | "person" | "machine" | "unreadable";

export const advice: Readonly<Record<Sort, string>> = {
  secret: "revoke it, since others may have seen it, and take it out of what made this file",
  person: "take it out of what made this file, or allow it if it is meant to be public",
  machine: "make the path relative or the name general in what made this file, and run that again",
  unreadable: "write it in a form that can be looked into, or leave the file out",
};

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export const findingId = (kind: string, path: string, secret: string): string =>
  sha256(JSON.stringify([kind, path, sha256(secret)])).slice(0, 12);

/** `open` is what everybody knows of such a secret, such as `hf_`. */
export const masked = (open: string, secret: string): string =>
  `${open}••• (${secret.length} characters)`;
