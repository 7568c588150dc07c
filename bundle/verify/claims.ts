/**
 * What the bundle stands for, held against its own tables and correlations: the claims and the page that a reader sees first are made once
 * more from them, and from what the run's record says of costs. Nothing else may stand there.
 */
import { claimingNodes } from "../claims.ts";
import { readme } from "../readme.ts";
import { runNodes } from "../runNodes.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { claimsFile, type Contents, folderOf, readmeFile, runFile, textOf } from "./Contents.ts";
import { differencesOf } from "./difference.ts";

export const verifyClaims = ({ bundle, run, pointers, claims }: Contents): Check => {
  const findings = new Findings(3, "claims");
  const nodes = runNodes(run);
  const claiming = claimingNodes(run, nodes, (file) =>
    bundle.files.has(file) ? textOf(bundle, file) : undefined,
  );
  const say = (
    number: string | undefined,
    expected: unknown,
    found: unknown,
    message: string,
    from = runFile,
  ) =>
    findings.add({
      file: claimsFile,
      ...(number === undefined ? {} : { number }),
      expected,
      found,
      message,
      from: [from],
    });
  const expected = claiming.flatMap(({ node, kind, claims: due }) =>
    due.map((claim) => ({ claim, from: `${folderOf(node.told.artifact)}/${kind}.json` })),
  );
  const there = new Map(claims.map((claim) => [claim.id, claim]));
  if (there.size < claims.length)
    say(undefined, there.size, claims.length, "claims a number twice");
  for (const { claim, from } of expected) {
    const found = there.get(claim.id);
    there.delete(claim.id);
    if (found === undefined) say(claim.id, claim.value, "absent", "is not claimed", from);
    else
      for (const { path, ...sides } of differencesOf(claim, found))
        say(
          `${claim.id}: ${path}`,
          sides.expected,
          sides.found,
          "is not what the bundle gives",
          from,
        );
  }
  for (const id of there.keys())
    say(id, "a number of a table", "none", "nothing in the bundle says so");
  comparePage(readme({ run, nodes, pointers, claiming }), textOf(bundle, readmeFile), findings);
  return findings.check(`${counted(claims.length, "claim")}, ${readmeFile}`);
};

/** Line by line, up to the first that differs. */
const comparePage = (expected: string, found: string, findings: Findings): void => {
  if (expected === found) return;
  const [due, there] = [expected.split("\n"), found.split("\n")];
  const line = due.findIndex((text, index) => text !== there[index]);
  const at = line === -1 ? due.length : line;
  findings.add({
    file: `${readmeFile}:${at + 1}`,
    expected: due[at] ?? "nothing",
    found: there[at] ?? "nothing",
    message: "is not what the bundle says",
  });
};
