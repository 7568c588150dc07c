/** Nothing is published that the scan finds, unless somebody has allowed it and said why; that is then said in the bundle. */
import { Effect } from "effect";
import { storeTrouble } from "../cache/StoreTrouble.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { inPathOrder, jsonBytes, sizeOf } from "./content.ts";
import type { Entry } from "./format.ts";
import type { Finding, Known } from "./scan/Finding.ts";
import { type Allowance, scan } from "./scan/scan.ts";
import { size } from "./words.ts";

export interface ScanOptions {
  readonly known: Known;
  readonly allowed: ReadonlyMap<string, string>;
  readonly progress: (doing: string) => void;
}

export interface Scanned {
  readonly entries: ReadonlyArray<Entry>;
  readonly allowed: ReadonlyArray<Allowance>;
}

export const scanned = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Entry>,
  { known, allowed: reasons, progress }: ScanOptions,
) {
  const { refused, allowed, unused } = yield* Effect.try({
    try: () => scan(toldWhileRead(entries, progress), known, reasons),
    catch: storeTrouble("a file can't be looked through"),
  });
  if (refused.length > 0)
    return yield* new BundleRefused({
      message: `what must not be published is in the bundle:${refused.map(shown).join("")}`,
      fix: "mend what made it, leave the file out (--without STAGE), or allow each that may be public: --allow ID=REASON",
    });
  if (unused.length > 0)
    return yield* new BundleRefused({
      message: `--allow: nothing was found that has the id ${unused.join(", ")}`,
      fix: "take it out: an id is of one finding in one file, and changes with it",
    });
  return { entries: inPathOrder([...entries, ...record(allowed)]), allowed } satisfies Scanned;
});

function* toldWhileRead(
  entries: ReadonlyArray<Entry>,
  progress: ScanOptions["progress"],
): Iterable<Entry> {
  let bytes = 0;
  for (const entry of entries) {
    yield entry;
    progress(`looking through ${size((bytes += sizeOf(entry.content)))}`);
  }
}

const shown = ({ id, path, place, kind, shown, times, advice }: Finding): string => {
  const also = times > 1 ? `, and in ${times - 1} more places of it` : "";
  return `\n  ${path}, ${place}${also}: ${kind} ${shown}\n    ${advice}\n    --allow '${id}=REASON'`;
};

const record = (allowed: ReadonlyArray<Allowance>): ReadonlyArray<Entry> =>
  allowed.length === 0
    ? []
    : [
        {
          path: "data/ALLOWED.json",
          content: jsonBytes(allowed.map(({ finding, reason }) => ({ ...finding, reason }))),
          license: "CC0-1.0",
        },
      ];
