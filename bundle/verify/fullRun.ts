/** Level 5: runs the whole experiment in a store of its own and compares every claim within its tolerance. */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import { Store } from "../../cache/Store.ts";
import { capacityFor } from "../../pipelines/run/capacity.ts";
import { plan } from "../../pipelines/plan/Plan.ts";
import { run } from "../../pipelines/run/Run.ts";
import { kinds } from "../../kinds/kinds.ts";
import type { Claim } from "../format/format.ts";
import type { OpenBundle } from "../format/open.ts";
import { counted, Findings } from "./Check.ts";
import { claimsFile, readContents, specFile } from "./Contents.ts";
import { compileNodes } from "./compiledNodes.ts";

/** Runs the bundle's experiment, its commands included, in the directory `project`, whose files it may name. */
export const verifyByRunning = Effect.fn("verifyByRunning")(function* (
  bundle: OpenBundle,
  project: string,
  jobs: number,
) {
  const contents = readContents(bundle);
  const findings = new Findings(5, "claims");
  const compiled = compileNodes(contents, findings);
  if (compiled === undefined) return findings.check("no run");
  const store = yield* Store;
  const graph = {
    name: contents.run.experiment,
    nodes: compiled.map(({ node }) => node),
    overriddenAxes: new Set<string>(),
  };
  const capacity = yield* capacityFor(graph.nodes, jobs);
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
      const message = "the run made no result";
      findings.add({
        file: specFile,
        number: node.name,
        expected: "a result",
        found: end.status,
        message,
      });
      continue;
    }
    const claiming = kinds[node.stage.output].numbers;
    if (claiming === undefined) continue;
    const file = path.join(store.directoryOf(made.artifact.digest), claiming.file);
    const { numbers } = claiming.read(fs.readFileSync(file, "utf8"), []).claims(node.name);
    const found = new Map(numbers.map((number) => [number.id, number.value]));
    for (const claim of claims) compare(claim, found.get(claim.id), findings);
  }
  return findings.check(
    `${counted(contents.claims.length, "claim")}, ${counted(compiled.length, "node")} run`,
  );
});

const compare = (
  { id, value, tolerance }: Claim,
  found: number | null | undefined,
  findings: Findings,
): void => {
  const isNear =
    value === null || typeof found !== "number"
      ? value === found
      : Math.abs(value - found) <= tolerance;
  if (isNear) return;
  const message = `the run gives ${String(found)}; the tolerance is ${tolerance}`;
  findings.add({
    file: claimsFile,
    number: id,
    expected: found ?? "no number",
    found: value,
    message,
  });
};
