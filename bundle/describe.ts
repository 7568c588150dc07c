/** Everything in a bundle that is not a file of an artifact: what is claimed, asked and left out, the product, and the record. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import { isPayload } from "./bag.ts";
import type { BundledRun } from "./BundledRun.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { cards } from "./cards.ts";
import { claimingNodes } from "./claims.ts";
import { jsonBytes, textBytes } from "./content.ts";
import { environmentEntries } from "./environment.ts";
import { bundleFormat, type Claims, type Entry } from "./format.ts";
import { licenseEntries, verifierLicense } from "./licenses.ts";
import { readme } from "./readme.ts";
import { roCrate } from "./crate.ts";
import { croissant } from "./croissant.ts";
import { publishableFacts } from "./scan/facts.ts";
import type { Product } from "./source.ts";
import { licenseOfData } from "./terms.ts";

export interface Described {
  /** All of the bundle but what scanning adds and the bag's own files. */
  readonly entries: ReadonlyArray<Entry>;
  readonly claims: number;
}

export const describe = Effect.fn("describe")(function* (bundled: BundledRun, product: Product) {
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
  const told = (name: string, content: Uint8Array): Entry => ({
    path: name,
    content,
    license: licenseOfData,
  });
  const entries = [
    ...bundled.entries,
    ...product.entries,
    ...environmentEntries(product.license),
    yield* verifier,
    told("data/README.md", textBytes(readme({ run, nodes, pointers, claiming }))),
    told("data/CLAIMS.json", jsonBytes(claims)),
    told("data/experiment.yaml", textBytes(bundled.spec)),
    told("data/run.json", jsonBytes(bundled.run)),
    told("data/pointers.json", jsonBytes(bundled.pointers)),
    told("record/attempts.jsonl", jsonLines(bundled.attempts)),
    told("record/machine.json", jsonBytes(bundled.machines.map(publishableFacts))),
  ];
  entries.push(...descriptions(bundled, product.committedAt));
  const licenses = yield* licenseEntries(entries);
  return { entries: [...entries, ...licenses], claims: claims.claims.length } satisfies Described;
});

/** Of what the artifacts are, for people and for programs that read data sets. */
export const descriptions = (
  { run, entries }: Pick<BundledRun, "run" | "entries">,
  committedAt: string | undefined,
): ReadonlyArray<Entry> => {
  const content = croissant({ run, entries, datePublished: dateOf(committedAt) });
  return [
    ...cards(run, entries),
    ...(content === undefined
      ? []
      : [{ path: "data/croissant.json", content: jsonBytes(content), license: licenseOfData }]),
  ];
};

/** The day of the product's commit: it is the same on any machine. */
const dateOf = (committedAt: string | undefined): string =>
  (committedAt ?? new Date(0).toISOString()).slice(0, "2026-11-23".length);

/** The payload as an RO-Crate: what it says of every other file. */
export const crateEntry = (
  { run, pointers }: Pick<BundledRun, "run" | "pointers">,
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

/** Built together with pipe. */
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
          message: "the verifier that goes into every bundle is not built",
          fix: `run \`npm run build\` in ${root}`,
        }),
      );
});
