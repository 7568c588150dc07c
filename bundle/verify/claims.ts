/** What the bundle stands for, held against its own tables and correlations: every number of theirs is a claim, and no other is. */
import { Schema } from "effect";
import { Correlations } from "../../schemas/Correlation.ts";
import { Table } from "../../schemas/Table.ts";
import { type ClaimedNumber, correlationNumbers, tableNumbers } from "../claimedNumbers.ts";
import type { BundleNode } from "../format.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { claimsFile, type Contents, folderOf, textOf } from "./Contents.ts";
import { differencesOf } from "./difference.ts";

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

export const verifyClaims = (contents: Contents): Check => {
  const findings = new Findings(3, "claims");
  const claimed = new Map(contents.claims.map((claim) => [claim.id, claim]));
  if (claimed.size < contents.claims.length)
    findings.add({
      file: claimsFile,
      expected: claimed.size,
      found: contents.claims.length,
      message: "claims a number twice",
    });
  for (const { node, artifact, kind } of contents.run.nodes) {
    if (kind !== "table" && kind !== "correlations") continue;
    const file = `${folderOf(artifact)}/${kind}.json`;
    for (const number of numbersOf(node, kind, textOf(contents.bundle, file))) {
      const claim = claimed.get(number.id);
      claimed.delete(number.id);
      const about = { file: claimsFile, from: [file] };
      if (claim === undefined) {
        const message = "is in the table and is not claimed";
        findings.add({
          ...about,
          number: number.id,
          expected: number.value,
          found: "absent",
          message,
        });
        continue;
      }
      const { id, text, row, metric, value, low, high, n } = claim;
      const said = { id, text, row, metric, value, low, high, n, node: claim.node };
      for (const { path, ...sides } of differencesOf({ ...number, node }, said))
        findings.add({
          ...about,
          number: `${id}: ${path}`,
          ...sides,
          message: "is not what the table says",
        });
    }
  }
  for (const id of claimed.keys())
    findings.add({
      file: claimsFile,
      number: id,
      expected: "a number of a table",
      found: "none",
      message: "nothing in the bundle says so",
    });
  return findings.check(counted(contents.claims.length, "claim"));
};

const numbersOf = (
  node: string,
  kind: BundleNode["kind"] & ("table" | "correlations"),
  text: string,
): ReadonlyArray<ClaimedNumber> =>
  kind === "table"
    ? tableNumbers(node, decodeTable(text))
    : correlationNumbers(node, decodeCorrelations(text));
