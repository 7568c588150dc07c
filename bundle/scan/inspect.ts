/** Everything that bytes may hold, down to the innermost: text, text in text, and what is packed. */
import { createHash } from "node:crypto";
import { binaryKeys } from "./binaryKeys.ts";
import { members } from "./containers.ts";
import { decoded, type Decoded } from "./decoded.ts";
import { encodedRuns } from "./encodedRuns.ts";
import type { Sort } from "./Finding.ts";
import type { Search } from "./findIn.ts";
import { beginsPacked } from "./packed.ts";
import type { Hit } from "./rules/Rule.ts";
import { isTar, tarMembers } from "./tarMembers.ts";
import { wideRuns } from "./textRuns.ts";
import { gap, lastAtMost, windowsOf } from "./windows.ts";

export interface Discovery {
  readonly kind: string;
  readonly sort: Sort;
  readonly open: string;
  readonly secret: string;
  /** Asked for once for each finding: counting lines takes time. */
  readonly place: () => string;
}

interface Depth {
  /** Stands before a place: `gzip!`. */
  readonly within: string;
  readonly level: number;
}

/** An archive in an archive in a picture is deep enough; deeper ones are refused. */
const deepest = 8;

export type Report = (discovery: Discovery) => void;

export const inspect = (
  bytes: Uint8Array,
  search: Search,
  report: Report,
  depth: Depth = { within: "", level: 0 },
): void => {
  if (isTar(bytes)) {
    inspectTar(bytes, search, report, depth);
    return;
  }
  inspectText(bytes, search, report, depth);
  inspectKeys(bytes, report, depth);
  inspectMembers(bytes, search, report, depth);
};

/** A secret by what follows: no text, and nothing that anybody could compare by eye. */
const inspectKeys = (bytes: Uint8Array, report: Report, { within }: Depth): void => {
  for (const at of binaryKeys(bytes)) {
    report({
      kind: "private key",
      sort: "secret",
      open: "",
      secret: Buffer.from(bytes.subarray(at, at + 64)).toString("hex"),
      place: () => `${within}byte ${at}`,
    });
  }
};

/** Allowed for these bytes, and for no others that come to lie there. */
const unreadable = (why: string, place: string, digest: string): Discovery => ({
  kind: why,
  sort: "unreadable",
  open: "",
  secret: digest,
  place: () => place,
});

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const inspectMembers = (
  bytes: Uint8Array,
  search: Search,
  report: Report,
  { within, level }: Depth,
): void => {
  let known: string | undefined;
  const digest = () => (known ??= sha256(bytes));
  for (const { place, name, content, plain } of members(bytes)) {
    const inner = { within: `${within}${place}!`, level: level + 1 };
    if (name !== undefined) inspectName(name, search, report, inner);
    if ("unreadable" in content) report(unreadable(content.unreadable, within + place, digest()));
    else if (inner.level > deepest)
      report(unreadable("packed too many times over", within + place, digest()));
    else if (plain === "text") inspectText(content, search, report, inner);
    else if (plain) inspectMembers(content, search, report, inner);
    else inspect(content, search, report, inner);
  }
};

const inspectTar = (
  bytes: Uint8Array,
  search: Search,
  report: Report,
  { within, level }: Depth,
): void => {
  let end = 0;
  tarMembers(bytes).forEach(({ name, from, to, owner }, index) => {
    const inner = { within: `${within}file ${index + 1} of tar!`, level: level + 1 };
    inspectText(bytes.subarray(end, from), search, report, {
      ...inner,
      within: `${inner.within}header `,
    });
    if (owner !== "" && !/^(?:root)?(?::(?:root|wheel))?$/.test(owner))
      report({
        kind: "owner of a file in a tar archive",
        sort: "person",
        open: "",
        secret: owner,
        place: () => inner.within.slice(0, -1),
      });
    inspectName(name, search, report, inner);
    if (inner.level > deepest)
      report(unreadable("packed too many times over", inner.within, sha256(bytes)));
    else inspect(bytes.subarray(from, to), search, report, inner);
    end = to;
  });
  inspectText(bytes.subarray(end), search, report, {
    within: `${within}after the tar's files `,
    level,
  });
  inspectMembers(bytes.subarray(end), search, report, {
    within: `${within}after the tar's files!`,
    level: level + 1,
  });
};

export const inspectName = (
  name: string,
  search: Search,
  report: Report,
  depth: Depth = { within: "", level: 0 },
): void =>
  inspectText(
    Buffer.from(name),
    search,
    (discovery) => report({ ...discovery, place: () => `${depth.within}name` }),
    depth,
  );

const inspectText = (
  bytes: Uint8Array,
  search: Search,
  report: Report,
  depth: Depth,
  placeOf = placesIn(bytes),
): void => {
  inspectRuns(bytes, search, report, depth, placeOf);
  for (const unit of [2, 4] as const) inspectWide(bytes, unit, search, report, depth, placeOf);
  const mark =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? "utf-16le"
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? "utf-16be"
        : undefined;
  if (mark === undefined) return;
  const text = Buffer.from(new TextDecoder(mark).decode(bytes));
  inspectRuns(text, search, report, depth, placesIn(text));
};

const inspectWide = (
  bytes: Uint8Array,
  unit: 2 | 4,
  search: Search,
  report: Report,
  depth: Depth,
  placeOf: PlaceOf,
): void => {
  const batch = new Batch();
  wideRuns(bytes, unit, (start, text) => batch.add(start, text));
  if (batch.isEmpty) return;
  inspectRuns(batch.bytes(), search, report, depth, (at) => {
    const { origin, offset } = batch.originOf(at);
    return placeOf(origin + offset * unit);
  });
};

/** Many small texts looked at as one, since each look costs. */
class Batch {
  private readonly parts: Array<Uint8Array> = [];
  private readonly places: Array<readonly [index: number, origin: number]> = [];
  private length = 0;

  get isEmpty(): boolean {
    return this.length === 0;
  }

  add(origin: number, bytes: Uint8Array): void {
    this.places.push([this.length, origin]);
    this.parts.push(bytes, Buffer.from(gap));
    this.length += bytes.length + gap.length;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  originOf(at: number): { readonly origin: number; readonly offset: number } {
    const [index, origin] = this.places[lastAtMost(this.places, at)]!;
    return { origin, offset: at - index };
  }
}

type PlaceOf = (byte: number) => string;

/** Columns are characters; in a longer line they are bytes, which nobody counts by eye either. */
const longLine = 4096;

/** `line:column` in a text, `byte N` in anything else; places are asked for in rising order, more or less. */
const placesIn = (bytes: Uint8Array): PlaceOf => {
  const isText = bytes.indexOf(0) < 0;
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

const inspectRuns = (
  bytes: Uint8Array,
  search: Search,
  report: Report,
  depth: Depth,
  placeOf: PlaceOf,
): void =>
  windowsOf(bytes, (window) => {
    const [from, to] = window.own;
    const view = decoded(window.text);
    const place = (index: number): string => depth.within + placeOf(window.byteOf(index));
    const isOwn = (index: number): boolean => index >= from && index < to;
    const told = (hit: Hit, text: string, index: number): Discovery => ({
      kind: hit.kind,
      sort: hit.sort,
      open: hit.open,
      secret: text.slice(hit.start, hit.end),
      place: () => place(index),
    });
    for (const { hit, text, at } of hitsIn(window.text, view, search)) {
      if (isOwn(at)) report(told(hit, text, at));
    }
    inspectEncoded(window.text, view, search, report, { depth, place });
  });

interface Placed {
  readonly hit: Hit;
  readonly text: string;
  /** Where in the window. */
  readonly at: number;
}

/** In the text as it stands, and with its escapes undone; what both show counts once, as it reads without escapes. */
const hitsIn = (text: string, view: Decoded | undefined, search: Search): ReadonlyArray<Placed> => {
  const plain = search(text).map((hit) => ({ hit, text, at: hit.start }));
  if (view === undefined) return plain;
  const undone = search(view.text).map((hit) => ({
    hit,
    text: view.text,
    at: view.origin(hit.start),
    to: view.origin(hit.end),
  }));
  const ranges = new Map<string, Array<readonly [number, number]>>();
  for (const { hit, at, to } of undone) {
    const others = ranges.get(hit.kind);
    if (others === undefined) ranges.set(hit.kind, [[at, to]]);
    else others.push([at, to]);
  }
  const next = new Map<string, number>();
  for (const list of ranges.values()) list.sort((a, b) => a[0] - b[0]);
  const isUndone = ({ kind, start, end }: Hit): boolean => {
    const list = ranges.get(kind) ?? [];
    let i = next.get(kind) ?? 0;
    while (i < list.length && list[i]![1] <= start) i += 1;
    next.set(kind, i);
    return i < list.length && list[i]![0] < end;
  };
  const inOrder = plain.sort((a, b) => a.at - b.at);
  return [...inOrder.filter(({ hit }) => !isUndone(hit)), ...undone].sort((a, b) => a.at - b.at);
};

interface Around {
  readonly depth: Depth;
  readonly place: (index: number) => string;
}

/** Larger ones may be pictures or archives. */
const small = 256;

/** No encoding has characters that are escaped: the text without escapes shows all there is. */
const inspectEncoded = (
  text: string,
  view: Decoded | undefined,
  search: Search,
  report: Report,
  { depth, place }: Around,
): void => {
  if (depth.level > deepest) return;
  const batch = new Batch();
  const inner = { within: "", level: depth.level + 1 };
  const placeOf = (index: number): string => `${place(view?.origin(index) ?? index)}!encoded`;
  encodedRuns(view?.text ?? text, ({ start, bytes }) => {
    if (bytes.length <= small && !beginsPacked(bytes)) batch.add(start, bytes);
    else {
      inspect(
        bytes,
        search,
        ({ place: within, ...found }) => {
          report({ ...found, place: () => `${placeOf(start)}!${within()}` });
        },
        inner,
      );
    }
  });
  if (batch.isEmpty) return;
  inspectText(batch.bytes(), search, report, inner, (at) => placeOf(batch.originOf(at).origin));
};
