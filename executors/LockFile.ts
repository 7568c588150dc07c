/**
 * Lock files: pip requirements in which every package is pinned, `name==version` with an optional marker and hashes.
 * What a lock *says* is its sorted requirements; comments, order, hashes (they guard the way a version comes here, and
 * the version is the same) and where packages are looked for say nothing.
 */
import { Result } from "effect";

/** The requirements in canonical form, sorted by code units. */
export type Requirements = ReadonlyArray<string>;

/** pip's options about where to look and what to accept, none of which changes what a pinned version is. */
const OPTION =
  /^(-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--trusted-host|--only-binary|--no-binary|--prefer-binary|--require-hashes)\b/u;
const PINNED =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*==\s*([^\s;,*]+)\s*(?:;\s*(.+))?$/u;
const HASHES = /\s--hash[= ]\S+/gu;

/** The requirements of a lock, or a sentence with the line that is none. */
export const parseLock = (text: string): Result.Result<Requirements, string> => {
  const requirements = new Set<string>();
  for (const { line, number } of logicalLines(text)) {
    if (OPTION.test(line)) continue;
    const pinned = PINNED.exec(line.replaceAll(HASHES, "").trim());
    if (pinned === null)
      return Result.fail(`line ${number} is not a pinned requirement (name==version): ${line}`);
    requirements.add(canonical(pinned));
  }
  return Result.succeed([...requirements].toSorted());
};

/** The package a requirement is about. */
export const packageName = (requirement: string): string =>
  requirement.split(/[[=]/u, 1)[0] ?? requirement;

/** Lines without comments, those that end in a backslash joined with the next; numbered by where they begin. */
const logicalLines = (text: string): ReadonlyArray<{ line: string; number: number }> => {
  const lines: Array<{ line: string; number: number }> = [];
  let pending: { line: string; number: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/u).entries()) {
    const bare = raw.replace(/(^|\s)#.*$/u, "").trim();
    const joined = pending === undefined ? bare : `${pending.line} ${bare}`.trim();
    const number = pending?.number ?? index + 1;
    pending = joined.endsWith("\\") ? { line: joined.slice(0, -1).trim(), number } : undefined;
    if (pending === undefined && joined !== "") lines.push({ line: joined, number });
  }
  return pending === undefined || pending.line === "" ? lines : [...lines, pending];
};

/** Names as PyPI compares them (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`. */
const canonicalName = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/gu, "-");

const canonical = ([, name = "", extras, version, marker]: RegExpExecArray): string => {
  const sortedExtras = (extras ?? "")
    .split(",")
    .map((extra) => canonicalName(extra.trim()))
    .filter(Boolean)
    .toSorted();
  const bracket = sortedExtras.length === 0 ? "" : `[${sortedExtras.join(",")}]`;
  const condition =
    marker === undefined ? "" : `; ${marker.trim().replaceAll(/\s+/gu, " ").replaceAll('"', "'")}`;
  return `${canonicalName(name)}${bracket}==${version}${condition}`;
};
