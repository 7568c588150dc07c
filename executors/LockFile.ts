/**
 * Lock files: pip requirements in which every package is pinned, `name==version` with an optional marker and hashes.
 * The meaning of a lock is its sorted requirements, without comments, order, hashes (they protect the download of a
 * version, and the version is the same) and places to look for packages.
 */
import { Result } from "effect";

/** The requirements in canonical form, sorted by code units. */
export type Requirements = ReadonlyArray<string>;

/** pip's options about sources and formats, none of which changes a pinned version. */
const option =
  /^(-i|-f|--index-url|--extra-index-url|--find-links|--no-index|--trusted-host|--only-binary|--no-binary|--prefer-binary|--require-hashes)\b/u;
const pinnedRequirement =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*==\s*([^\s;,*]+)\s*(?:;\s*(.+))?$/u;
const hashes = /\s--hash[= ]\S+/gu;

/** The requirements of a lock, or a sentence that names the wrong line. */
export const parseLock = (text: string): Result.Result<Requirements, string> => {
  const requirements = new Set<string>();
  for (const { line, number } of logicalLines(text)) {
    if (option.test(line)) continue;
    const pinned = pinnedRequirement.exec(line.replaceAll(hashes, "").trim());
    if (pinned === null)
      return Result.fail(`line ${number} is not a pinned requirement (name==version): ${line}`);
    requirements.add(canonical(pinned));
  }
  return Result.succeed([...requirements].toSorted());
};

/** The package name of a requirement. */
export const packageName = (requirement: string): string =>
  requirement.split(/[[=]/u, 1)[0] ?? requirement;

/** Lines without comments, joined after a backslash, each with the number of its first line. */
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

/** A name in the form that PyPI compares (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`. */
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
