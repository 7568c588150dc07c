/**
 * Digests: SHA-256 in lower-case hex, of bytes or of a JSON value in its canonical form (RFC 8785).
 */
import canonicalize from "canonicalize";
import crypto from "node:crypto";

/** 64 lower-case hex digits. */
export type Digest = string;

/** JSON that survives the canonical form unchanged: no undefined, no NaN, no functions. */
export type Json =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Json>
  | { readonly [key: string]: Json };

/** The canonical text of a JSON value (RFC 8785): keys in code-unit order, shortest numbers, no blanks. */
export const canonicalJson = (value: Json): string => {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON has a canonical form");
  return text;
};

// `verify.mjs` also runs on Node 20.0, which has no `crypto.hash`; where it exists, it takes half the time on small inputs.
// `verify.mjs` also runs on Node 20.0, which has no `crypto.hash`; where it exists, it takes half the time on small inputs.
export const digestBytes: (bytes: string | Uint8Array) => Digest =
  typeof crypto.hash === "function"
    ? (bytes) => crypto.hash("sha256", bytes, "hex")
    : (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");

export const digestJson = (value: Json): Digest => digestBytes(canonicalJson(value));

export const shortDigest = (digest: Digest): string => digest.slice(0, 12);
