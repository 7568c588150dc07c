/** The bundled experiment compiled anew, and each of its nodes beside what the bundle says of it. Nothing is run. */
import { Result } from "effect";
import { compile, type Node } from "../../pipelines/Compile.ts";
import type { Overrides } from "../../pipelines/Overrides.ts";
import { nodesNamed, restrict } from "../../pipelines/select.ts";
import { Source } from "../../pipelines/Source.ts";
import { stages } from "../../stages/stages.ts";
import type { BundleNode, BundleRun } from "../format.ts";
import { counted, type Findings } from "./Check.ts";
import { type Contents, runFile, specFile } from "./Contents.ts";

export interface Placed {
  readonly node: Node;
  readonly bundled: BundleNode;
}

const given = ({ overrides }: BundleRun, flag: string): ReadonlyArray<string> =>
  overrides.flatMap((text) => (text.startsWith(`--${flag} `) ? [text.slice(flag.length + 3)] : []));

/** How the experiment was altered on the command line. */
export const overridesOf = (run: BundleRun): Overrides => ({
  set: given(run, "set"),
  axis: given(run, "axis"),
});

/**
 * In the plan's order, without those that the bundle says were not made; undefined, with the reason among the findings, where the spec
 * and the run don't go together.
 */
export const place = (
  { run, spec }: Contents,
  findings: Findings,
): ReadonlyArray<Placed> | undefined => {
  const source = new Source(specFile, spec);
  const { graph: whole, diagnostics } = compile(source, overridesOf(run), stages);
  if (whole === undefined) {
    for (const { message, at, expected } of diagnostics)
      findings.add({
        file: specFile,
        ...(at === undefined ? {} : { number: `${at.file}:${at.line}:${at.col}` }),
        expected: expected ?? "an experiment",
        found: at?.text ?? "",
        message,
      });
    return undefined;
  }
  const only = given(run, "only");
  const named = nodesNamed(whole, only);
  if (Result.isFailure(named)) {
    const message = "--only names it";
    findings.add({ file: runFile, expected: "a node", found: named.failure, message });
    return undefined;
  }
  const graph = only.length === 0 ? whole : restrict(whole, named.success);
  const say = (number: string, expected: unknown, found: unknown, message: string) =>
    findings.add({ file: runFile, number, expected, found, message, from: [specFile] });
  if (graph.name !== run.experiment)
    say("experiment", graph.name, run.experiment, "is another experiment's name");
  const bundled = new Map(run.nodes.map((node) => [node.node, node]));
  const unmade = new Set(run.unmade.map(({ node }) => node));
  const expected = new Set(graph.nodes.map(({ name }) => name));
  for (const name of [...bundled.keys(), ...unmade])
    if (!expected.has(name)) say(name, "absent", "present", "the experiment has no such node");
  const placed = graph.nodes.flatMap((node): ReadonlyArray<Placed> => {
    const here = bundled.get(node.name);
    if (here !== undefined && unmade.has(node.name))
      say(node.name, "absent", "present", "is said not to be made");
    if (here === undefined && !unmade.has(node.name))
      say(node.name, "present", "absent", "the experiment has this node");
    return here === undefined ? [] : [{ node, bundled: here }];
  });
  if (unmade.size > 0)
    findings.limit(
      `of ${counted(graph.nodes.length, "node")} of the experiment ${unmade.size} were not made when this was bundled`,
    );
  const isWhole =
    placed.length + unmade.size === graph.nodes.length &&
    placed.length === run.nodes.length &&
    unmade.size === run.unmade.length;
  return isWhole && graph.name === run.experiment ? placed : undefined;
};
