/** Looks through every byte that is to be published for secrets, people and machines. What it cannot look into is a finding too. */
import fs from "node:fs";
import type { Entry } from "../format.ts";
import { advice, findingId, masked, type Finding, type Known } from "./Finding.ts";
import { searchFor, type Search } from "./findIn.ts";
import { inspect, inspectName, type Discovery } from "./inspect.ts";

export interface Allowance {
  readonly finding: Finding;
  readonly reason: string;
}

export interface Scan {
  /** Nothing may be published while one is left. */
  readonly refused: ReadonlyArray<Finding>;
  /** To be recorded in the bundle. */
  readonly allowed: ReadonlyArray<Allowance>;
  /** Ids that were allowed and are those of no finding: an error, as somebody believes in a check that is not there. */
  readonly unused: ReadonlyArray<string>;
}

/** `allowed` has a reason for each id; reasons are published too, so they are looked through like files. */
export const scan = (
  entries: Iterable<Pick<Entry, "path" | "content">>,
  known: Known,
  allowed: ReadonlyMap<string, string>,
): Scan => {
  const search = searchFor(known);
  const findings: Array<Finding> = [];
  for (const { path, content } of entries) findings.push(...findingsIn(path, content, search));
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

/** Whoever finds more in one file has to leave it out, not to allow them all. */
const mostFindings = 200;

const findingsIn = (
  path: string,
  content: Entry["content"],
  search: Search,
): ReadonlyArray<Finding> => {
  const found = new Map<string, { discovery: Discovery; place: string; times: number }>();
  const inName: Array<string> = [];
  let others = 0;
  const report = (discovery: Discovery) => {
    const id = findingId(discovery.kind, path, discovery.secret);
    const before = found.get(id);
    if (before !== undefined) before.times += 1;
    else if (found.size === mostFindings) others += 1;
    else found.set(id, { discovery, place: discovery.place(), times: 1 });
  };
  inspectName(path, search, (discovery) => {
    inName.push(discovery.secret);
    report(discovery);
  });
  inspectContent(content, search, report);
  const shownPath = withoutSecrets(path, inName);
  const findings = [...found].map(([id, { discovery, place, times }]) => ({
    id,
    path: shownPath,
    place,
    kind: discovery.kind,
    shown: discovery.sort === "unreadable" ? "" : masked(discovery.open, discovery.secret),
    times,
    advice: advice[discovery.sort],
  }));
  return others === 0 ? findings : [...findings, tooMany(shownPath, others)];
};

/** Stands for findings that nobody has seen. */
export const notAllowable = "can't be allowed";

const tooMany = (path: string, times: number): Finding => ({
  id: notAllowable,
  path,
  place: "further on",
  kind: `more than ${mostFindings} findings`,
  shown: "",
  times,
  advice:
    "these can't be allowed: leave out the stage that made the file (--without STAGE), or take them out of what made it and run that again",
});

const withoutSecrets = (path: string, secrets: ReadonlyArray<string>): string => {
  const masked = [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, "•••"), path);
  // Where it is written otherwise than it reads, nothing of the name is safe to show.
  return secrets.some((secret) => !path.includes(secret)) ? "•••" : masked;
};

/** Weights may be larger than what one buffer takes; everything else is read whole, as a container must be. */
const mostInMemory = 1 << 30;
const piece = 1 << 28;
const overlap = 1 << 20;

const inspectContent = (
  content: Entry["content"],
  search: Search,
  report: (found: Discovery) => void,
): void => {
  if (content instanceof Uint8Array) inspect(content, search, report);
  else if (content.size <= mostInMemory) inspect(fs.readFileSync(content.file), search, report);
  else inspectInPieces(content.file, search, report);
};

const inspectInPieces = (
  file: string,
  search: Search,
  report: (found: Discovery) => void,
): void => {
  const handle = fs.openSync(file, "r");
  try {
    const buffer = Buffer.alloc(piece + overlap);
    for (let from = 0; ; from += piece) {
      const length = fs.readSync(handle, buffer, 0, buffer.length, from);
      if (length === 0) break;
      inspect(buffer.subarray(0, length), search, report, {
        within: `from byte ${from}!`,
        level: 0,
      });
      if (length < buffer.length) break;
    }
  } finally {
    fs.closeSync(handle);
  }
};
