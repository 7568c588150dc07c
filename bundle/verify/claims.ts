/** Level 3, claims: CLAIMS.json and the marked blocks of README.md are recomputed from the bundle's results and its record of costs. */
import { type ClaimingNode, claimingNodes } from "../describe/claims.ts";
import { readme } from "../describe/readme.ts";
import { runNodes } from "../describe/runNodes.ts";
import { parsePage } from "../format/markdown.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { claimsFile, type Contents, readmeFile, runFile, textOf } from "./Contents.ts";
import { differencesOf, linesApart } from "./difference.ts";

export const verifyClaims = (contents: Contents): Check => {
  const { bundle, run, pointers, claims } = contents;
  const findings = new Findings(3, "claims");
  const nodes = runNodes(run);
  const claiming = claimingNodes(run, nodes, (file) =>
    bundle.files.has(file) ? textOf(bundle, file) : undefined,
  );
  compareClaims(contents, claiming, findings);
  const page = readme({ run, nodes, pointers, claiming });
  comparePages(page, textOf(bundle, readmeFile), findings);
  return findings.check(`${counted(claims.length, "claim")}, ${readmeFile}`);
};

const compareClaims = (
  { claims }: Contents,
  claiming: ReadonlyArray<ClaimingNode>,
  findings: Findings,
): void => {
  const found = new Map(claims.map((claim) => [claim.id, claim]));
  const add = (
    number: string,
    expected: unknown,
    there: unknown,
    message: string,
    from = runFile,
  ): void =>
    findings.add({ file: claimsFile, number, expected, found: there, message, from: [from] });
  if (found.size < claims.length)
    add("", found.size, claims.length, "several claims have the same id");
  for (const { claims: expected, file } of claiming)
    for (const claim of expected) {
      const there = found.get(claim.id);
      found.delete(claim.id);
      if (there === undefined) {
        add(claim.id, claim.value, "absent", "this number is not claimed", file);
        continue;
      }
      // The hashes alone cover the text.
      for (const { path, ...sides } of differencesOf(claim, { ...there, text: claim.text })) {
        const message = "differs from the value that the bundle's results give";
        add(`${claim.id}: ${path}`, sides.expected, sides.found, message, file);
      }
    }
  for (const id of found.keys())
    add(id, "a number of a result", "none", "no result in the bundle has this number");
};

/** Compares the marked blocks, in order; the page may have no other tables. */
const comparePages = (expected: string, found: string, findings: Findings): void => {
  const [due, there] = [parsePage(expected), parsePage(found)];
  const names = differencesOf(
    due.blocks.map(({ name }) => name),
    there.blocks.map(({ name }) => name),
  );
  const add = (place: string, sides: { expected: unknown; found: unknown }, message: string) =>
    findings.add({ file: `${readmeFile}${place}`, ...sides, message });
  for (const { path, ...sides } of names)
    add("", sides, `marked block ${path} differs: the page has other blocks than the bundle gives`);
  for (const [index, block] of due.blocks.entries()) {
    const other = there.blocks[index];
    if (other?.name !== block.name) continue;
    for (const { line, ...sides } of linesApart(block.lines, other.lines).slice(0, 1))
      add(`:${other.line + line - 1}`, sides, `the block ${block.name} differs from the results`);
  }
  for (const line of there.strayRows)
    add(`:${line}`, { expected: "no table", found: "a table row" }, "outside the marked blocks");
};
