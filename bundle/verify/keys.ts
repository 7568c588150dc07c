/**
 * Every key of the bundle from what it is made of: the spec by the compiler, the artifacts' digests, and, as recorded, the code's
 * identity, the content of local files, and the Python environment, which the spec can't say.
 */
import type { Node } from "../../pipelines/Compile.ts";
import { type KeyFields, keyOf, keyParts } from "../../pipelines/Keys.ts";
import { type InputIdentity, type RecordedParts, recordedParts } from "../../schemas/KeyParts.ts";
import { mapInputs } from "../../pipelines/Plan.ts";
import type { BundleNode } from "../format.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { type Contents, runFile, specFile } from "./Contents.ts";
import { differencesOf } from "./difference.ts";
import { place, type Placed } from "./placed.ts";

export interface VerifiedKeys {
  readonly check: Check;
  /** Undefined where the spec and the run don't go together. */
  readonly placed: ReadonlyArray<Placed> | undefined;
}

export const verifyKeys = (contents: Contents): VerifiedKeys => {
  const findings = new Findings(3, "keys");
  const placed = place(contents, findings);
  if (placed === undefined) return { check: findings.check("no keys"), placed };
  const bundledOf = new Map(placed.map(({ node, bundled }) => [node, bundled]));
  const recipes = new Map<Node, string>();
  const artifactOf = (node: Node) => bundledOf.get(node)?.artifact ?? "";
  for (const each of placed) {
    const { node, bundled } = each;
    const say = (what: string, expected: unknown, found: unknown, message: string) =>
      findings.add({
        file: runFile,
        number: `${node.name}: ${what}`,
        expected,
        found,
        message,
        from: [specFile],
      });
    sayPlace(each, say);
    let recorded: RecordedParts;
    try {
      recorded = recordedParts(bundled.keyParts);
    } catch (error) {
      say("keyParts", "the fields of a key", (error as Error).message, "can't be read");
      continue;
    }
    if (recorded.version !== node.stage.version)
      findings.limit(
        `\`${node.stage.name}\` was version ${recorded.version} then and is ${node.stage.version} here: its params are read as they are now`,
      );
    const fieldsWith = (inputs: Readonly<Record<string, InputIdentity>>) =>
      fieldsOf(node, recorded, inputs);
    const asked = fieldsWith(mapInputs(node, artifactOf));
    for (const { path, expected, found } of differencesOf(keyParts(asked), bundled.keyParts))
      say(`keyParts.${path}`, expected, found, "is not what the spec and the artifacts give");
    const content = keyOf(asked);
    if (content !== bundled.content)
      say("content", content, bundled.content, "is not the key of what was asked");
    const recipe = keyOf(fieldsWith(mapInputs(node, (input) => recipes.get(input) ?? "")));
    recipes.set(node, recipe);
    if (recipe !== bundled.recipe)
      say("recipe", recipe, bundled.recipe, "is not the key of what was asked");
  }
  return { check: findings.check(counted(2 * placed.length, "key")), placed };
};

type Say = (what: string, expected: unknown, found: unknown, message: string) => void;

const sayPlace = ({ node, bundled }: Placed, say: Say): void => {
  const { stageName, labels } = node;
  const expected = { stageName, labels, stage: node.stage.name, kind: node.stage.output };
  const found = pick(bundled, ["stageName", "labels", "stage", "kind"]);
  for (const each of differencesOf(expected, found))
    say(each.path, each.expected, each.found, "is not what the experiment says");
};

const pick = <K extends keyof BundleNode>(node: BundleNode, names: ReadonlyArray<K>) =>
  Object.fromEntries(names.map((name) => [name, node[name]]));

/** What the spec can't say is taken as it is recorded; that there is such a field, or none, the stage says. */
const fieldsOf = (
  { stage, params }: Node,
  { version, code, sources = {}, environment = "" }: RecordedParts,
  inputs: KeyFields["inputs"],
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
