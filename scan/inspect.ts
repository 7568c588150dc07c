/** Scans a file: its parts, their texts, and the bytes that these texts encode. */
import { createHash } from "node:crypto";
import type { Sort } from "./Finding.ts";
import { contentsOf, hasFormat } from "./formats/formats.ts";
import type { Hit } from "./rules/Rule.ts";
import type { Search } from "./rules/search.ts";
import { textOnly, wideText } from "./text/encoding.ts";
import { encodedRuns } from "./text/encodedRuns.ts";
import { unescape, type Unescaped } from "./text/unescape.ts";
import { gap, lastAtMost, windowsOf } from "./text/windows.ts";

export interface Discovery {
  readonly kind: string;
  readonly sort: Sort;
  readonly open: string;
  readonly secret: string;
  /** Called once for each finding: counting lines takes time. */
  readonly place: () => string;
}

export interface Inspection {
  readonly search: Search;
  readonly report: (discovery: Discovery) => void;
  /** Stands before a place: `gzip!`. */
  readonly within: string;
  readonly level: number;
}

/** Base64 in JSON in gzip in gzip is deep enough; deeper ones are refused. */
const deepest = 4;

export const inspect = (bytes: Uint8Array, inspection: Inspection): void => {
  const { parts, refused } = contentsOf(bytes);
  for (const reason of refused) refuse(reason, digestOf(bytes), inspection);
  for (const { place, bytes: content, as } of parts) {
    const inner = place === "" ? inspection : within(inspection, place);
    if (as !== "file") inspectText(content, inner, placesIn(content, as === "text"));
    else if (inner.level <= deepest) inspect(content, inner);
    else refuse(`packed more than ${deepest} times`, digestOf(content), inner);
  }
};

const within = (inspection: Inspection, place: string): Inspection => ({
  ...inspection,
  within: `${inspection.within}${place}!`,
  level: inspection.level + 1,
});

export const digestOf = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** The id covers the digest: what is allowed are these bytes, and no others at the same place. */
export const refuse = (
  reason: string,
  digest: string,
  { report, within }: Pick<Inspection, "report" | "within">,
): void =>
  report({
    kind: reason,
    sort: "unreadable",
    open: "",
    secret: digest,
    place: () => (within === "" ? "whole file" : within.slice(0, -1)),
  });

export const inspectName = (name: string, { search, report }: Omit<Inspection, "level">): void =>
  inspectText(Buffer.from(name), { search, report, within: "", level: 0 }, () => "name");

type PlaceOf = (byte: number) => string;

/** Columns are characters; in a longer line they are bytes. */
const longLine = 4096;

/** `line:column` in a text, `byte N` in anything else. It is fast for places in rising order. */
const placesIn = (bytes: Uint8Array, isText: boolean): PlaceOf => {
  let [counted, line, lineStart] = [0, 1, 0];
  return (byte) => {
    if (!isText) return `byte ${byte}`;
    if (byte < counted) [counted, line, lineStart] = [0, 1, 0];
    for (
      let at = bytes.indexOf(10, counted);
      at >= 0 && at < byte;
      at = bytes.indexOf(10, at + 1)
    ) {
      line += 1;
      lineStart = at + 1;
    }
    counted = byte;
    const before = Buffer.from(bytes.buffer, bytes.byteOffset + lineStart, byte - lineStart);
    return `${line}:${(before.length > longLine ? before.length : before.toString("utf8").length) + 1}`;
  };
};

const inspectText = (bytes: Uint8Array, inspection: Inspection, placeOf: PlaceOf): void =>
  windowsOf(bytes, (window) => {
    const [from, to] = window.own;
    const view = unescape(window.text);
    const place = (index: number): string => inspection.within + placeOf(window.byteOf(index));
    for (const { hit, text, at } of hitsIn(window.text, view, inspection.search)) {
      if (at < from || at >= to) continue;
      inspection.report({
        kind: hit.kind,
        sort: hit.sort,
        open: hit.open,
        secret: text.slice(hit.start, hit.end),
        place: () => place(at),
      });
    }
    if (inspection.level < deepest)
      inspectEncoded(view?.text ?? window.text, inspection, (index) =>
        place(view?.origin(index) ?? index),
      );
  });

interface HitInWindow {
  readonly hit: Hit;
  /** The text that was searched: the window's or the unescaped one. */
  readonly text: string;
  readonly at: number;
  readonly to: number;
}

/** Searches the text as it is and unescaped. A hit in both counts once, as it reads unescaped. */
const hitsIn = (
  text: string,
  view: Unescaped | undefined,
  search: Search,
): ReadonlyArray<HitInWindow> => {
  const plain = search(text).map((hit) => ({ hit, text, at: hit.start, to: hit.end }));
  if (view === undefined) return plain;
  const unescaped = search(view.text).map((hit) => ({
    hit,
    text: view.text,
    at: view.origin(hit.start),
    to: view.origin(hit.end),
  }));
  const ranges = new Map<string, Array<readonly [from: number, to: number]>>();
  for (const { hit, at, to } of unescaped) {
    const others = ranges.get(hit.kind);
    if (others === undefined) ranges.set(hit.kind, [[at, to]]);
    else others.push([at, to]);
  }
  const isAlsoUnescaped = ({ hit, at, to }: HitInWindow): boolean => {
    const others = ranges.get(hit.kind);
    if (others === undefined) return false;
    const [from, end] = others[lastAtMost(others, to - 1)]!;
    return from < to && end > at;
  };
  return [...plain.filter((hit) => !isAlsoUnescaped(hit)), ...unescaped].sort(
    (a, b) => a.at - b.at,
  );
};

/** Shorter texts in decoded bytes are chance. */
const shortestText = 8;

/** Decoded texts are searched as one, since each search costs. */
const inspectEncoded = (text: string, inspection: Inspection, placeOf: PlaceOf): void => {
  const { report, search } = inspection;
  const inner: Inspection = { search, report, within: "", level: inspection.level + 1 };
  const texts: Array<Uint8Array> = [];
  const places: Array<readonly [index: number, origin: number]> = [];
  let length = 0;
  encodedRuns(text, ({ start, bytes }) => {
    if (hasFormat(bytes)) {
      inspect(bytes, {
        ...inner,
        report: (found) =>
          report({ ...found, place: () => `${placeOf(start)}!encoded!${found.place()}` }),
      });
      return;
    }
    const decoded = wideText(bytes) ?? textOnly(bytes, shortestText);
    if (decoded.every((byte) => byte === 0)) return;
    places.push([length, start]);
    texts.push(decoded, Buffer.from(gap));
    length += decoded.length + gap.length;
  });
  if (texts.length === 0) return;
  inspectText(Buffer.concat(texts), inner, (byte) => {
    const [, origin] = places[lastAtMost(places, byte)]!;
    return `${placeOf(origin)}!encoded`;
  });
};
