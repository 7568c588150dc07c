/** Compiles the bundled experiment and pairs each of its nodes with the bundle's record of it. Nothing is run. */
import { Result } from "effect";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { elementsOf, type Node } from "../../pipelines/experiment/Node.ts";
import { restrictGraph, selectNodes } from "../../pipelines/plan/selection.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { stages } from "../../stages/stages.ts";
import type { BundleNode } from "../format/format.ts";
import { counted, type Findings } from "./Check.ts";
import { type Contents, runFile, specFile } from "./Contents.ts";

export interface CompiledNode {
  readonly node: Node;
  readonly bundled: BundleNode;
}

/**
 * In the plan's order, without the nodes that the bundle reports as unmade; undefined, with the reason among the findings, where spec and
 * run do not match.
 */
export const compileNodes = (
  contents: Contents,
  findings: Findings,
): ReadonlyArray<CompiledNode> | undefined => {
  const { run } = contents;
  const graph = compileGraph(contents, findings);
  if (graph === undefined) return undefined;
  const add = (number: string, expected: unknown, found: unknown, message: string) =>
    findings.add({ file: runFile, number, expected, found, message, from: [specFile] });
  if (graph.name !== run.experiment)
    add("experiment", graph.name, run.experiment, "names another experiment");
  const bundled = new Map(run.nodes.map((node) => [node.node, node]));
  const unmade = new Set(run.unmade.map(({ node }) => node));
  const expected = new Set(graph.nodes.map(({ name }) => name));
  for (const name of [...bundled.keys(), ...unmade])
    if (!expected.has(name)) add(name, "absent", "present", "the experiment has no such node");
  const compiled = graph.nodes.flatMap((node): ReadonlyArray<CompiledNode> => {
    const record = bundled.get(node.name);
    if (record !== undefined && unmade.has(node.name))
      add(node.name, "absent", "present", "has a result although it is listed as unmade");
    if (record === undefined && !unmade.has(node.name))
      add(node.name, "present", "absent", "the experiment has this node");
    return record === undefined ? [] : [{ node, bundled: record }];
  });
  if (unmade.size > 0)
    findings.limit(
      `${unmade.size} of the experiment's ${counted(graph.nodes.length, "node")} had no result when this was bundled`,
    );
  const isComplete =
    compiled.length + unmade.size === graph.nodes.length &&
    compiled.length === run.nodes.length &&
    unmade.size === run.unmade.length;
  return isComplete && graph.name === run.experiment ? compiled : undefined;
};

const compileGraph = ({ run, spec }: Contents, findings: Findings) => {
  const { graph, diagnostics } = compile(new Source(specFile, spec), run.overrides, stages);
  if (graph === undefined) {
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
  const { only } = run.overrides;
  const named = selectNodes(graph, only);
  if (Result.isFailure(named)) {
    const message = "--only names it";
    findings.add({ file: runFile, expected: "a node", found: named.failure, message });
    return undefined;
  }
  if (only.length === 0) return graph;
  // A run of an earlier version also made the inputs that params do not read.
  const listed = new Set([...run.nodes, ...run.unmade].map(({ node }) => node));
  const unread = graph.nodes
    .flatMap(({ unreadInputs }) => Object.values(unreadInputs).flatMap(elementsOf))
    .filter(({ name }) => listed.has(name));
  return restrictGraph(graph, new Set([...named.success, ...unread]));
};
