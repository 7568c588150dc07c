/**
 * Digests: SHA-256 in lower-case hex, of bytes or of a JSON value in its canonical form (RFC 8785).
 */
import canonicalize from "canonicalize";
import { hash } from "node:crypto";

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

/** The one text of a JSON value (RFC 8785): keys in code-unit order, shortest numbers, no blanks. */
export const canonicalJson = (value: Json): string => {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON has a canonical form");
  return text;
};

export const digestBytes = (bytes: string | Uint8Array): Digest => hash("sha256", bytes, "hex");

export const digestJson = (value: Json): Digest => digestBytes(canonicalJson(value));

export const shortDigest = (digest: Digest): string => digest.slice(0, 12);
