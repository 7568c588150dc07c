/** Nothing is published that the scan finds, unless somebody has allowed it and said why; that is then said in the bundle. */
import { Effect } from "effect";
import { storeTrouble } from "../cache/StoreTrouble.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { jsonBytes, sizeOf } from "./content.ts";
import type { Entry } from "./format.ts";
import { productFindings } from "./productFindings.ts";
import type { Finding, Known } from "./scan/Finding.ts";
import { type Allowance, notAllowable, scan } from "./scan/scan.ts";
import { licenseOfData } from "./terms.ts";
import { bytesText } from "../schemas/quantity.ts";

export interface ScanOptions {
  readonly known: Known;
  /** By id, what the person who bundles allows, with the reason. */
  readonly allowed: ReadonlyMap<string, string>;
  readonly progress: (doing: string) => void;
}

/** What somebody has allowed, all of it found. What pipe's own files bring along is told in `source/bundle/productFindings.ts`. */
export const scanned = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Entry>,
  { known, allowed: reasons, progress }: ScanOptions,
) {
  const { refused, allowed, unused } = yield* Effect.try({
    try: () =>
      scan(toldWhileRead(entries, progress), known, new Map([...productFindings, ...reasons])),
    catch: storeTrouble("a file can't be looked through"),
  });
  if (refused.length > 0)
    return yield* new BundleRefused({
      message: `what must not be published is in the bundle:${refused.map(shown).join("")}`,
      fix: "mend what made it, leave the file out (--without STAGE), or allow each that may be public: --allow ID=REASON",
    });
  const idle = unused.filter((id) => reasons.has(id));
  if (idle.length > 0)
    return yield* new BundleRefused({
      message: `--allow: nothing was found that has the id ${idle.join(", ")}`,
      fix: "take it out: an id is of one finding in one file, and changes with it",
    });
  return allowed.filter(({ finding }) => reasons.has(finding.id));
});

function* toldWhileRead(
  entries: ReadonlyArray<Entry>,
  progress: ScanOptions["progress"],
): Iterable<Entry> {
  let bytes = 0;
  for (const entry of entries) {
    yield entry;
    progress(`looking through ${bytesText((bytes += sizeOf(entry.content)))}`);
  }
}

const shown = ({ id, path, place, kind, shown, times, advice }: Finding): string => {
  const also = times > 1 ? ` and in ${times - 1} more places` : "";
  const allowing = id === notAllowable ? "" : `\n    --allow '${id}=REASON'`;
  return `\n  ${path}, ${place}${also}: ${[kind, shown].filter((part) => part !== "").join(" ")}\n    ${advice}${allowing}`;
};

export const allowedEntries = (allowed: ReadonlyArray<Allowance>): ReadonlyArray<Entry> =>
  allowed.length === 0
    ? []
    : [
        {
          path: "data/ALLOWED.json",
          content: jsonBytes(allowed.map(({ finding, reason }) => ({ ...finding, reason }))),
          license: licenseOfData,
        },
      ];
