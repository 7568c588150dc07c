/** What the bundle stands for, held against its own tables and correlations: every number of theirs is a claim, and no other is. */
import { Schema } from "effect";
import { Correlations } from "../../schemas/Correlation.ts";
import { Table } from "../../schemas/Table.ts";
import { correlationNumbers, tableNumbers } from "../claimedNumbers.ts";
import { claimsTable } from "../readme.ts";
import { rebuildLine } from "../rebuildLine.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { claimsFile, type Contents, folderOf, readmeFile, textOf } from "./Contents.ts";
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
  const readme = new Set(textOf(contents.bundle, readmeFile).split("\n"));
  for (const { node, artifact, kind } of contents.run.nodes) {
    if (kind !== "table" && kind !== "correlations") continue;
    const file = `${folderOf(artifact)}/${kind}.json`;
    const shown = readNumbers(kind, textOf(contents.bundle, file));
    const lines = claimsTable({ node: { told: { node } }, ...shown });
    for (const expected of lines)
      if (!readme.has(expected)) {
        const message = `is not what it shows of ${node}`;
        findings.add({ file: readmeFile, expected, found: "absent", message, from: [file] });
      }
    const command = rebuildLine(contents.run.overrides, node);
    const numbers =
      shown.kind === "table"
        ? tableNumbers(node, shown.made)
        : correlationNumbers(node, shown.made);
    for (const number of numbers) {
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
      const said = {
        id,
        text,
        row,
        metric,
        value,
        low,
        high,
        n,
        node: claim.node,
        command: claim.command,
      };
      for (const { path, ...sides } of differencesOf({ ...number, node, command }, said))
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

const readNumbers = (
  kind: "table" | "correlations",
  text: string,
): { kind: "table"; made: Table } | { kind: "correlations"; made: Correlations } =>
  kind === "table" ? { kind, made: decodeTable(text) } : { kind, made: decodeCorrelations(text) };
