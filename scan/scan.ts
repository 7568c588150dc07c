/** Scans files for secrets, people and machines before they are published. A file in a format that the scan does not read is a finding, too. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { advice, findingId, masked, type Finding, type KnownNames } from "./Finding.ts";
import { mostInMemory } from "./formats/formats.ts";
import { headerLength, readHeader } from "./formats/safetensors.ts";
import { inspect, inspectName, refuse, type Discovery, type Inspection } from "./inspect.ts";
import { searchFor, type Search } from "./rules/search.ts";

export type Content = Uint8Array | { readonly file: string; readonly size: number };

export interface ScannedFile {
  readonly path: string;
  readonly content: Content;
}

export interface Allowance {
  readonly finding: Finding;
  readonly reason: string;
}

export interface Scan {
  /** Findings without an allowance: nothing may be published while there is one. */
  readonly refused: ReadonlyArray<Finding>;
  /** The bundle records them. */
  readonly allowed: ReadonlyArray<Allowance>;
  /** Allowed ids without a finding: an error, since somebody relies on a check that does not happen. */
  readonly unused: ReadonlyArray<string>;
}

/** `allowed` holds the reasons by finding id. Reasons are published, so they are scanned like files. */
export const scan = (
  files: Iterable<ScannedFile>,
  known: KnownNames,
  allowed: ReadonlyMap<string, string>,
): Scan => {
  const search = searchFor(known);
  const findings: Array<Finding> = [];
  for (const { path, content } of files) findings.push(...findingsIn(path, content, search));
  for (const [id, reason] of allowed) {
    findings.push(...findingsIn(`the reason why ${id} is allowed`, Buffer.from(reason), search));
  }
  const ids = new Set(findings.map(({ id }) => id));
  return {
    refused: findings.filter(({ id }) => id === notAllowable || !allowed.has(id)),
    allowed: findings.flatMap((finding) => {
      const reason = allowed.get(finding.id);
      return reason === undefined || finding.id === notAllowable ? [] : [{ finding, reason }];
    }),
    unused: [...allowed.keys()].filter((id) => !ids.has(id)),
  };
};

/** A file with more findings is left out or changed; the others can't be allowed. */
const mostFindings = 200;

const findingsIn = (path: string, content: Content, search: Search): ReadonlyArray<Finding> => {
  const found = new Map<string, { discovery: Discovery; place: string; times: number }>();
  const inName: Array<string> = [];
  let others = 0;
  const report = (discovery: Discovery) => {
    const key = JSON.stringify([discovery.kind, discovery.secret]);
    const before = found.get(key);
    if (before !== undefined) before.times += 1;
    else if (found.size === mostFindings) others += 1;
    else found.set(key, { discovery, place: discovery.place(), times: 1 });
  };
  const look = { search, report, within: "", level: 0 };
  inspectName(path, {
    ...look,
    report: (discovery) => {
      inName.push(discovery.secret);
      report(discovery);
    },
  });
  inspectContent(content, look);
  const shownPath = withoutSecrets(path, inName);
  const findings = [...found.values()].map(({ discovery, place, times }) => ({
    id: findingId(discovery.kind, path, discovery.secret),
    path: shownPath,
    place,
    kind: discovery.kind,
    shown: discovery.sort === "unreadable" ? "" : masked(discovery.open, discovery.secret),
    times,
    advice: advice[discovery.sort],
  }));
  return others === 0 ? findings : [...findings, tooMany(shownPath, others)];
};

/** The id of the findings beyond the first `mostFindings`, which nobody has seen. */
export const notAllowable = "can't be allowed";

const tooMany = (path: string, times: number): Finding => ({
  id: notAllowable,
  path,
  place: "further on",
  kind: `more than ${mostFindings} findings`,
  shown: "",
  times,
  advice:
    "these can't be allowed: leave out the stage that made the file (`pipe bundle --without STAGE`), or remove them from the source of the file and rerun that",
});

const withoutSecrets = (path: string, secrets: ReadonlyArray<string>): string => {
  const masked = [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, "•••"), path);
  // In a path with escapes, no part is safe to show.
  return secrets.some((secret) => !path.includes(secret)) ? "•••" : masked;
};

/** Files that do not fit in memory are weights: their header is scanned. */
const inspectContent = (content: Content, look: Inspection): void => {
  if (content instanceof Uint8Array) inspect(content, look);
  else if (content.size <= mostInMemory) inspect(fs.readFileSync(content.file), look);
  else inspectLarge(content.file, content.size, look);
};

const inspectLarge = (file: string, size: number, look: Inspection): void => {
  const handle = fs.openSync(file, "r");
  try {
    const { text, end } = readHeader(firstBytes(handle, headerLength(firstBytes(handle, 16)) ?? 0));
    if (end === size) inspect(text, { ...look, within: "safetensors header!" });
    else refuse(`larger than ${mostInMemory >> 20} MB`, digestOfFile(handle), look);
  } finally {
    fs.closeSync(handle);
  }
};

const firstBytes = (handle: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, fs.readSync(handle, bytes, 0, length, 0));
};

const digestOfFile = (handle: number): string => {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(1 << 24);
  for (let from = 0, length = 0; ; from += length) {
    length = fs.readSync(handle, piece, 0, piece.length, from);
    if (length === 0) return hash.digest("hex");
    hash.update(piece.subarray(0, length));
  }
};
