/** Level 5: the whole experiment is run again in a store of its own, and every claim comes out within its tolerance. */
import { Effect, Schema } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { roomFor } from "../../pipelines/capacity.ts";
import { plan } from "../../pipelines/Plan.ts";
import { run } from "../../pipelines/Run.ts";
import { Correlations } from "../../schemas/Correlation.ts";
import { Table } from "../../schemas/Table.ts";
import { type ClaimedNumber, correlationNumbers, tableNumbers } from "../claimedNumbers.ts";
import type { Claim } from "../format.ts";
import type { OpenBundle } from "../open.ts";
import { counted, Findings } from "./Check.ts";
import { claimsFile, readContents, specFile } from "./Contents.ts";
import { place } from "./placed.ts";

const decodeTable = Schema.decodeUnknownSync(Schema.fromJsonString(Table));
const decodeCorrelations = Schema.decodeUnknownSync(Schema.fromJsonString(Correlations));

/** Runs what the bundle's experiment says, its commands included, in the directory `project`, whose files it may name. */
export const verifyByRunning = Effect.fn("verifyByRunning")(function* (
  bundle: OpenBundle,
  project: string,
  jobs: number,
) {
  const contents = readContents(bundle);
  const findings = new Findings(5, "claims");
  const placed = place(contents, findings);
  if (placed === undefined) return findings.check("no run");
  const store = yield* Store;
  const graph = { name: contents.run.experiment, nodes: placed.map(({ node }) => node) };
  const capacity = yield* roomFor(graph.nodes, jobs);
  const planned = yield* plan(graph, project, new Set());
  const { overrides } = contents.run;
  const spec = { file: specFile, text: contents.spec };
  const end = yield* run({ plan: planned, spec, overrides, project, capacity, keepGoing: true });
  const claimed = Map.groupBy(contents.claims, ({ node }) => node);
  for (const { node, recipe } of planned.nodes) {
    const claims = claimed.get(node.name);
    if (claims === undefined) continue;
    const made = yield* store.byRecipe(recipe);
    if (made === undefined) {
      const message = "was not made by the run";
      findings.add({
        file: specFile,
        number: node.name,
        expected: "a result",
        found: end.status,
        message,
      });
      continue;
    }
    const directory = store.directoryOf(made.artifact.digest);
    const numbers = numbersIn(directory, node.name, node.stage.output);
    const found = new Map(numbers.map((number) => [number.id, number.value]));
    for (const claim of claims) compare(claim, found.get(claim.id), findings);
  }
  return findings.check(
    `${counted(contents.claims.length, "claim")}, ${counted(placed.length, "node")} run`,
  );
});

const numbersIn = (directory: string, node: string, kind: string): ReadonlyArray<ClaimedNumber> => {
  const text = fs.readFileSync(path.join(directory, `${kind}.json`), "utf8");
  return kind === "table"
    ? tableNumbers(node, decodeTable(text))
    : correlationNumbers(node, decodeCorrelations(text));
};

const compare = (
  { id, value, tolerance }: Claim,
  found: number | null | undefined,
  findings: Findings,
): void => {
  const near =
    value === null || typeof found !== "number"
      ? value === found
      : Math.abs(value - found) <= tolerance;
  if (near) return;
  const message = `the run gives ${String(found)}, and ${tolerance} is how far it may be off`;
  findings.add({
    file: claimsFile,
    number: id,
    expected: found ?? "no number",
    found: value,
    message,
  });
};
