/**
 * Under which terms each file of a bundle is: an SPDX expression for every entry, and the texts in `data/LICENSES/`, as REUSE lays them
 * out. What pipe makes of nothing, it gives away: data is CC0-1.0, and a model or a program MIT. What comes from elsewhere has the terms
 * that somebody states, and without them it does not go into a bundle.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { root } from "../executors/root.ts";
import type { RunNode } from "./runNodes.ts";
import { BundleRefused } from "./BundleRefused.ts";
import { inPathOrder, textBytes } from "./content.ts";
import type { Entry } from "./format.ts";
import { noticesOf, type PackageNotice, termsWith } from "./notices.ts";
import { fontText, licenseOfData, licenseOfFont, licenseOfModels, licensesIn } from "./terms.ts";

/** SPDX's word for terms that nobody has stated. */
const unstated = "NOASSERTION";

/** What these stages put out is other people's, or made by other people's programs. */
const fromElsewhere = new Set(["command", "files", "pretrained"]);

/** The terms of what a node has made; `stated` has those of the stages, as the experiment names them, that only a person knows. */
export const licenseOf = (
  node: Pick<RunNode, "from"> & {
    readonly told: Pick<RunNode["told"], "stage" | "stageName" | "kind">;
  },
  stated: ReadonlyMap<string, string>,
): string => {
  const { stage, stageName, kind } = node.told;
  const said = stated.get(stageName);
  if (said !== undefined) return said;
  if (fromElsewhere.has(stage)) return unstated;
  if (kind !== "model") return licenseOfData;
  // A model that went on from another stays under the other's terms.
  const origins = node.from.filter(({ told }) => told.kind === "model");
  const terms = new Set(origins.map((origin) => licenseOf(origin, stated)));
  terms.delete(licenseOfModels);
  if (terms.size === 0) return licenseOfModels;
  return terms.has(unstated) ? unstated : [...terms].toSorted().join(" AND ");
};

const texts = path.join(root, "bundle/licenses");

/** The identifiers whose texts go along, with where these are. */
const knownLicenses = (): ReadonlyMap<string, string> =>
  new Map([
    ...fs
      .readdirSync(texts)
      .toSorted()
      .map((name) => [path.basename(name, ".txt"), path.join(texts, name)] as const),
    [licenseOfFont, path.join(root, fontText)],
  ]);

/** The texts of all that the entries are under, and the notices of what others wrote in `verify.mjs`. */
export const licenseEntries = Effect.fn("licenseEntries")(function* (
  entries: ReadonlyArray<Entry>,
) {
  const known = knownLicenses();
  const identifiers = [...known.keys()].join(", ");
  for (const { path: file, license } of entries) {
    if (license === unstated || license === "")
      return yield* new BundleRefused({
        message: `nobody has said under which terms ${file} is`,
        fix: `say it of the stage that brought it in: --license STAGE=ID, where ID is one of ${identifiers}; or leave its files out: --without STAGE`,
      });
    const unknown = licensesIn(license).find((id) => !known.has(id));
    if (unknown !== undefined)
      return yield* new BundleRefused({
        message: `${file} is under ${unknown}, and there is no text of such a licence here`,
        fix: `the SPDX identifiers known here are ${identifiers}; leave the stage's files out with --without STAGE`,
      });
  }
  const used = new Set([licenseOfData, ...entries.flatMap(({ license }) => licensesIn(license))]);
  return inPathOrder([
    ...[...known].flatMap(([id, file]) =>
      used.has(id) ? [text(`${id}.txt`, fs.readFileSync(file))] : [],
    ),
    text("verify.mjs.txt", textBytes(noticesOf(verifierPackages()))),
  ]);
});

// A licence's text may be copied as it is, and says so itself.
const text = (name: string, content: Uint8Array): Entry => ({
  path: `data/LICENSES/${name}`,
  content,
  license: licenseOfData,
});

const Packages = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      name: Schema.String,
      version: Schema.String,
      license: Schema.String,
      text: Schema.String,
    }),
  ),
);

/** The packages whose code is in `dist/verify.mjs`, as the build has noted them. */
const verifierPackages = (): ReadonlyArray<PackageNotice> =>
  Schema.decodeUnknownSync(Packages)(
    fs.readFileSync(path.join(root, "dist/verify.licenses.json"), "utf8"),
  );

/** The terms of `verify.mjs`. */
export const verifierLicense = (): string => termsWith(verifierPackages());
