/**
 * Licences: an SPDX expression for every entry, and the texts in `data/LICENSES/` in the layout of REUSE. Data that pipe makes is CC0-1.0,
 * models and programs are MIT. Files from elsewhere need a stated licence; without one the bundle is refused.
 */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { root } from "../../schemas/root.ts";
import type { ArtifactKind } from "../../schemas/Artifact.ts";
import { originOf } from "../../stages/audits.ts";
import type { RunNode } from "../describe/runNodes.ts";
import { BundleRefused } from "../format/BundleRefused.ts";
import { inPathOrder, textBytes } from "../format/content.ts";
import type { Entry } from "../format/format.ts";
import { noticesOf, type PackageNotice, termsWith } from "../describe/notices.ts";
import {
  fontText,
  licenseOfData,
  licenseOfFont,
  licenseOfModels,
  licensesIn,
} from "../describe/terms.ts";

/** SPDX for an unstated licence. */
export const unstated = "NOASSERTION";

/** A node with what its licence follows from. */
export interface LicensedNode {
  readonly bundled: Pick<RunNode["bundled"], "stage" | "stageName" | "kind">;
  readonly from: ReadonlyArray<LicensedNode>;
}

const dataKinds: ReadonlyArray<ArtifactKind> = ["dataset", "transcripts"];

/** The licence of a node's artifact. `stated` has licences by the experiment's names of stages. */
export const licenseOf = (
  { from, bundled: { stage, stageName, kind } }: LicensedNode,
  stated: ReadonlyMap<string, string>,
): string => {
  const own = stated.get(stageName);
  if (own !== undefined) return own;
  const origin = originOf(stage);
  if (origin === "program" || origin === "imported") return unstated;
  // A model trained from another keeps the other's licence, as does data that another data set's rows are in.
  const kept: ReadonlyArray<ArtifactKind> =
    kind === "model" ? ["model"] : dataKinds.includes(kind) ? dataKinds : [];
  const terms = new Set(
    from.filter((one) => kept.includes(one.bundled.kind)).map((one) => licenseOf(one, stated)),
  );
  const ours = kind === "model" ? licenseOfModels : licenseOfData;
  terms.delete(ours);
  if (terms.size === 0) return ours;
  return terms.has(unstated) ? unstated : [...terms].toSorted().join(" AND ");
};

export const isStated = (license: string): boolean => license !== unstated && license !== "";

const texts = path.join(root, "bundle/write/licenses");

/** Files of licence texts by identifier. */
const knownLicenses = (): ReadonlyMap<string, string> =>
  new Map([
    ...fs
      .readdirSync(texts)
      .toSorted()
      .map((name) => [path.basename(name, ".txt"), path.join(texts, name)] as const),
    [licenseOfFont, path.join(root, fontText)],
  ]);

/** The licence texts of the entries, and the notices of packages in `verify.mjs`. */
export const licenseEntries = Effect.fn("licenseEntries")(function* (
  entries: ReadonlyArray<Entry>,
) {
  const known = knownLicenses();
  const identifiers = [...known.keys()].join(", ");
  for (const { path: file, license } of entries) {
    if (!isStated(license))
      return yield* new BundleRefused({
        message: `no licence is stated for ${file}`,
        fix: `state the licence of its stage with --license STAGE=ID (ID: ${identifiers}), or leave its files out with --without STAGE`,
      });
    const unknown = licensesIn(license).find((id) => !known.has(id));
    if (unknown !== undefined)
      return yield* new BundleRefused({
        message: `${file} is under ${unknown}, whose text pipe does not have`,
        fix: `use one of ${identifiers}, or leave the stage's files out with --without STAGE`,
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

// Licence texts may be copied verbatim, as they state themselves.
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

/** The packages in `dist/verify.mjs`, as the build recorded them. */
const verifierPackages = (): ReadonlyArray<PackageNotice> =>
  Schema.decodeUnknownSync(Packages)(
    fs.readFileSync(path.join(root, "dist/verify.licenses.json"), "utf8"),
  );

/** The licence expression of `verify.mjs`. */
export const verifierLicense = (): string => termsWith(verifierPackages());
