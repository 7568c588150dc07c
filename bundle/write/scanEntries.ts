/** Refuses to publish findings of the scan, unless each is allowed with a reason; the bundle then records both. */
import { Effect } from "effect";
import { storeTrouble } from "../../cache/StoreTrouble.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import { jsonBytes, sizeOf } from "../format/content.ts";
import type { Entry } from "../format/format.ts";
import { productFindings } from "./productFindings.ts";
import type { Finding, KnownNames } from "../../scan/Finding.ts";
import { type Allowance, notAllowable, scan, type ScannedFile } from "../../scan/scan.ts";
import { licenseOfData } from "../describe/terms.ts";
import { bytesText } from "../../schemas/quantity.ts";

export interface ScanOptions {
  readonly known: KnownNames;
  /** The reasons of `--allow`, by id. */
  readonly allowed: ReadonlyMap<string, string>;
  /** Reasons that the bundle has already. On another machine some belong to no finding. */
  readonly recorded?: ReadonlyMap<string, string>;
  /** How to publish without the file, as an infinitive. */
  readonly leaveOut?: string;
  readonly progress: (activity: string) => void;
}

/** The findings that `--allow` lets pass, for the bundle's record. Those in pipe's own files stand in `productFindings.ts`, which is in each bundle, too. */
export const scanEntries = Effect.fnUntraced(function* (
  files: ReadonlyArray<ScannedFile>,
  { known, allowed: given, recorded = new Map(), leaveOut, progress }: ScanOptions,
) {
  const reasons = new Map([...recorded, ...given]);
  const { refused, allowed, unused } = yield* Effect.try({
    try: () =>
      scan(withProgress(files, progress), known, new Map([...productFindings, ...reasons])),
    catch: storeTrouble("the scan can't read a file"),
  });
  if (refused.length > 0)
    return yield* new BundleRefused({
      message: `the scan found what must not be published:${refused.map(shown).join("")}`,
      fix: `fix what made the file, ${leaveOut === undefined ? "" : `${leaveOut}, `}or allow each finding that may be public: --allow ID=REASON`,
    });
  const unusedReasons = unused.filter((id) => given.has(id));
  if (unusedReasons.length > 0)
    return yield* new BundleRefused({
      message: `--allow: no finding has the id ${unusedReasons.join(", ")}`,
      fix: "remove it: an id belongs to one finding in one file, and changes with both",
    });
  return allowed.filter(({ finding }) => reasons.has(finding.id));
});

const withProgress = function* (
  files: ReadonlyArray<ScannedFile>,
  progress: ScanOptions["progress"],
): Iterable<ScannedFile> {
  let bytes = 0;
  for (const file of files) {
    yield file;
    progress(`scanning ${bytesText((bytes += sizeOf(file.content)))}`);
  }
};

const shown = ({ id, path, place, kind, shown, times, advice }: Finding): string => {
  const more = times > 1 ? ` and ${times - 1} more places` : "";
  const allowing = id === notAllowable ? "" : `\n    --allow '${id}=REASON'`;
  return `\n  ${path}, ${place}${more}: ${[kind, shown].filter((part) => part !== "").join(" ")}\n    ${advice}${allowing}`;
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
