/** Every entry of a bundle except the crate, the scan's allowances and the bag's own files. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import { isPayload } from "../format/bag.ts";
import type { GatheredRun } from "./GatheredRun.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import { cardEntry, cards } from "../describe/cards.ts";
import { claimingNodes } from "../describe/claims.ts";
import { jsonBytes, textBytes } from "../format/content.ts";
import { environmentEntries } from "../describe/environment.ts";
import { bundleFormat, type Claims, type Entry } from "../format/format.ts";
import { licenseEntries, verifierLicense } from "./licenses.ts";
import { readme } from "../describe/readme.ts";
import { roCrate } from "../describe/crate.ts";
import { croissant } from "../describe/croissant.ts";
import { publishableFacts } from "../../scan/publishableFacts.ts";
import type { Product } from "./product.ts";
import { licenseOfData } from "../describe/terms.ts";

export const bundleEntries = Effect.fn("bundleEntries")(function* (
  bundled: GatheredRun,
  product: Product,
) {
  const { run, nodes, pointers } = bundled;
  const files = new Map(bundled.entries.map(({ path, content }) => [path, content]));
  const claiming = claimingNodes(run, nodes, (file) => {
    const content = files.get(file);
    return content === undefined || content instanceof Uint8Array
      ? undefined
      : fs.readFileSync(content.file, "utf8");
  });
  const claims = {
    format: bundleFormat,
    claims: claiming.flatMap((node) => node.claims),
  } satisfies typeof Claims.Type;
  const entry = (name: string, content: Uint8Array): Entry => ({
    path: name,
    content,
    license: licenseOfData,
  });
  const entries = [
    ...bundled.entries,
    ...product.entries,
    ...environmentEntries(product.license),
    yield* verifier,
    entry("data/README.md", textBytes(readme({ run, nodes, pointers, claiming }))),
    entry("data/CLAIMS.json", jsonBytes(claims)),
    entry("data/experiment.yaml", textBytes(bundled.spec)),
    entry("data/run.json", jsonBytes(bundled.run)),
    entry("data/pointers.json", jsonBytes(bundled.pointers)),
    entry("record/attempts.jsonl", jsonLines(bundled.attempts)),
    entry("record/machine.json", jsonBytes(bundled.machines.map(publishableFacts))),
  ];
  entries.push(...descriptions(bundled, product.committedAt));
  const licenses = yield* licenseEntries(entries);
  return { entries: [...entries, ...licenses], claims: claims.claims.length };
});

/** The cards and `croissant.json`. */
export const descriptions = (
  { run, entries }: Pick<GatheredRun, "run" | "entries">,
  committedAt: string | undefined,
): ReadonlyArray<Entry> => {
  const content = croissant({ run, entries, datePublished: dateOf(committedAt) });
  return [
    ...cards(run, entries).map(cardEntry),
    ...(content === undefined
      ? []
      : [{ path: "data/croissant.json", content: jsonBytes(content), license: licenseOfData }]),
  ];
};

/** The day of pipe's commit, which is the same on every machine. */
const dateOf = (committedAt: string | undefined): string =>
  (committedAt ?? new Date(0).toISOString()).slice(0, "2026-11-23".length);

/** The crate, which describes every other file of the payload. */
export const crateEntry = (
  { run, pointers }: Pick<GatheredRun, "run" | "pointers">,
  entries: ReadonlyArray<Entry>,
  committedAt: string | undefined,
): Entry => ({
  path: "data/ro-crate-metadata.json",
  content: jsonBytes(
    roCrate({
      run,
      entries: entries.filter(isPayload),
      pointers,
      license: licenseOfData,
      datePublished: dateOf(committedAt),
    }),
  ),
  license: licenseOfData,
});

const jsonLines = (values: ReadonlyArray<unknown>): Uint8Array =>
  textBytes(values.map((value) => `${JSON.stringify(value)}\n`).join(""));

/** `npm run build` makes it beside pipe. */
const verifier = Effect.suspend(() => {
  const built = path.join(root, "dist/verify.mjs");
  return fs.existsSync(built)
    ? Effect.succeed<Entry>({
        path: "data/verify.mjs",
        content: fs.readFileSync(built),
        license: verifierLicense(),
      })
    : Effect.fail(
        new BundleRefused({
          message: "verify.mjs, which every bundle holds, is not built",
          fix: `run \`npm run build\` in ${root}`,
        }),
      );
});
