/**
 * Level 3, keys: every key is recomputed from the compiled experiment and the artifacts' digests. Code identity, digests of local files
 * and the Python environment are taken as recorded, because the experiment does not determine them.
 */
import { mapInputs, type Node } from "../../pipelines/experiment/Node.ts";
import { type KeyFields, keyOf, keyParts } from "../../pipelines/plan/Keys.ts";
import { type InputIdentity, type RecordedParts, recordedParts } from "../../schemas/KeyParts.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type CompiledNode, compileNodes } from "./compiledNodes.ts";
import { type Contents, runFile, specFile } from "./Contents.ts";
import { differencesOf } from "./difference.ts";

export interface VerifiedKeys {
  readonly check: Check;
  /** Undefined where spec and run do not match. */
  readonly compiled: ReadonlyArray<CompiledNode> | undefined;
}

export const verifyKeys = (contents: Contents): VerifiedKeys => {
  const findings = new Findings(3, "keys");
  const compiled = compileNodes(contents, findings);
  if (compiled === undefined) return { check: findings.check("no keys"), compiled };
  const artifacts = new Map(compiled.map(({ node, bundled }) => [node, bundled.artifact]));
  const recipes = new Map<Node, string>();
  for (const each of compiled) verifyNode(each, artifacts, recipes, findings);
  return { check: findings.check(counted(2 * compiled.length, "key")), compiled };
};

/** Adds the node's recipe key to `recipes`, which has those of its inputs. */
const verifyNode = (
  { node, bundled }: CompiledNode,
  artifacts: ReadonlyMap<Node, string>,
  recipes: Map<Node, string>,
  findings: Findings,
): void => {
  const add = (field: string, expected: unknown, found: unknown, message: string) =>
    findings.add({
      file: runFile,
      number: `${node.name}: ${field}`,
      expected,
      found,
      message,
      from: [specFile],
    });
  const { stageName, labels, stage, kind } = bundled;
  const declared = { stageName: node.stageName, labels: node.labels };
  for (const { path, expected, found } of differencesOf(
    { ...declared, stage: node.stage.name, kind: node.stage.output },
    { stageName, labels, stage, kind },
  ))
    add(path, expected, found, "differs from the experiment");
  let recorded: RecordedParts;
  try {
    recorded = recordedParts(bundled.keyParts);
  } catch (error) {
    return add("keyParts", "the fields of a key", (error as Error).message, "can't be read");
  }
  if (recorded.version !== node.stage.version)
    findings.limit(
      `\`${node.stage.name}\` was version ${recorded.version} and is ${node.stage.version} here: its params are read as this version does`,
    );
  const keyed = withRecordedInputs(node, recorded, findings);
  const fields = (inputs: KeyFields["inputs"]) => fieldsOf(node, recorded, inputs);
  const asArtifacts = fields(mapInputs(keyed, (input) => artifacts.get(input) ?? ""));
  for (const { path, expected, found } of differencesOf(keyParts(asArtifacts), bundled.keyParts))
    add(`keyParts.${path}`, expected, found, "differs from the experiment and the artifacts");
  const content = keyOf(asArtifacts);
  if (content !== bundled.content)
    add("content", content, bundled.content, "is not the node's content key");
  const recipe = keyOf(fields(mapInputs(keyed, (input) => recipes.get(input) ?? "")));
  recipes.set(node, recipe);
  if (recipe !== bundled.recipe)
    add("recipe", recipe, bundled.recipe, "is not the node's recipe key");
};

/** Keys of earlier versions also had the inputs that the node's params do not read; these are compared like the others. */
const withRecordedInputs = (node: Node, { inputs }: RecordedParts, findings: Findings): Node => {
  const unread = Object.entries(node.unreadInputs).filter(([name]) => Object.hasOwn(inputs, name));
  for (const [name] of unread)
    findings.limit(
      `\`${node.stageName}\` was recorded with an input that its params do not read: \`${name}\``,
    );
  return { ...node, inputs: { ...node.inputs, ...Object.fromEntries(unread) } };
};

/** The stage declares which of the recorded fields a key has. */
const fieldsOf = (
  { stage, params }: Node,
  { version, code, sources = {}, environment = "" }: RecordedParts,
  inputs: Readonly<Record<string, InputIdentity>>,
): KeyFields => {
  const named = stage.sources?.(params.decoded) ?? [];
  return {
    stage: stage.name,
    version,
    ...(code === undefined ? {} : { code }),
    params: params.key,
    inputs,
    ...(named.length === 0
      ? {}
      : { sources: Object.fromEntries(named.map((name) => [name, sources[name] ?? ""])) }),
    ...(stage.environment === undefined ? {} : { environment }),
  };
};
