/** Alterations of the small bundle, from a slip to a careful forgery. */
import { rebuildLine } from "../../bundle/describe/rebuildLine.ts";
import type { BundleNode, BundleRun } from "../../bundle/format/format.ts";
import { artifactOf } from "../../cache/Tree.ts";
import { digestBytes, digestJson } from "../../schemas/Digest.ts";
import { noOverrides } from "../../schemas/Overrides.ts";
import { fileBytes, type Files, textIn } from "./archives.ts";
import { described } from "./describing.ts";

/** With one file's text edited; throws if nothing changes. */
export const edited = (files: Files, name: string, edit: (text: string) => string): Files => {
  const before = textIn(files, name);
  const after = edit(before);
  if (after === before) throw new Error(`the edit of ${name} changes nothing`);
  return new Map([...files, [name, Buffer.from(after)]]);
};

/** The folder of a node's artifact. */
export const folderOf = (run: BundleRun, node: string): string => {
  const found = run.nodes.find((each) => each.node === node);
  if (found === undefined) throw new Error(`no node ${node}`);
  return `data/artifacts/${found.artifact}`;
};

/**
 * A careful forgery: one file of an artifact is edited, and every digest that follows from it, up to the content keys downstream, and
 * every description is recomputed.
 */
export const forged = (
  files: Files,
  node: string,
  name: string,
  /** Undefined removes the file. */
  edit: (text: string) => string | undefined,
): Files => {
  const run = JSON.parse(textIn(files, "data/run.json")) as BundleRun;
  const old = run.nodes.find((each) => each.node === node);
  if (old === undefined) throw new Error(`no node ${node}`);
  const folder = `data/artifacts/${old.artifact}/`;
  const after = edit(textIn(files, folder + name));
  const altered =
    after === undefined
      ? new Map([...files].filter(([file]) => file !== folder + name))
      : edited(files, folder + name, () => after);
  const content = altered.get(folder + name);
  const tree = old.files.flatMap((file) => {
    if (file.path !== name) return [file];
    return content === undefined
      ? []
      : [{ ...file, sha256: digestBytes(content), size: content.length }];
  });
  const { digest } = artifactOf(old.kind, tree);
  const nodes = run.nodes.map((each) => {
    const own = each.artifact === old.artifact ? { ...each, artifact: digest, files: tree } : each;
    const parts = JSON.parse(
      JSON.stringify(own.keyParts).replaceAll(old.artifact, digest),
    ) as BundleNode["keyParts"];
    return { ...own, keyParts: parts, content: digestJson(parts) };
  });
  const renamed = new Map<string, Uint8Array>();
  for (const [file, bytesOfIt] of altered)
    renamed.set(file.replace(old.artifact, digest), bytesOfIt);
  renamed.set("data/run.json", fileBytes({ ...run, nodes }));
  return described(renamed);
};

export const withJson = (files: Files, name: string, edit: (value: any) => void): Files =>
  edited(files, name, (text) => {
    const value = JSON.parse(text) as unknown;
    edit(value);
    return `${JSON.stringify(value, null, 2)}\n`;
  });
export const withRun = (files: Files, edit: (run: any) => void) =>
  withJson(files, "data/run.json", edit);
export const nodeOf = (run: any, name: string) => run.nodes.find((each: any) => each.node === name);

export const scoresNode = "scores[model=weak]";
export const answersNode = "e2e[model=weak]";
export const samplesNode = "samples[model=strong]";

/** Edits one line of JSON Lines. */
export const line = (index: number, edit: (value: any) => void) => (text: string) =>
  text
    .split("\n")
    .map((each, place) => {
      if (place !== index) return each;
      const value = JSON.parse(each) as unknown;
      edit(value);
      return JSON.stringify(value);
    })
    .join("\n");

/** Edits all lines of JSON Lines. */
export const allLines =
  (edit: (lines: ReadonlyArray<any>) => ReadonlyArray<unknown>) => (text: string) =>
    edit(
      text
        .split("\n")
        .slice(0, -1)
        .map((each): unknown => JSON.parse(each)),
    )
      .map((each) => `${JSON.stringify(each)}\n`)
      .join("");

/** With a pointer in place of a file. */
export const leftOut = (files: Files, node: string, name: string): Files => {
  const { nodes } = JSON.parse(textIn(files, "data/run.json")) as BundleRun;
  const { artifact, files: tree } = nodes.find((each) => each.node === node)!;
  const { sha256, size } = tree.find((file) => file.path === name)!;
  const rest = new Map([...files].filter(([file]) => !file.endsWith(`${artifact}/${name}`)));
  const rebuild = rebuildLine(noOverrides, node);
  const pointer = { artifact, path: name, sha256, size, why: "missing", needed: true, rebuild };
  return described(withJson(rest, "data/pointers.json", (pointers) => pointers.push(pointer)));
};

/** With edited key parts and the keys that follow from them. */
export const rekeyed = (files: Files, edit: (node: any) => void): Files =>
  withRun(files, (run) => {
    const recipes: Array<readonly [string, string]> = [];
    for (const node of run.nodes) {
      edit(node);
      node.content = digestJson(node.keyParts);
      let inputs = JSON.stringify(node.keyParts.inputs);
      for (const [artifact, recipe] of recipes) inputs = inputs.replaceAll(artifact, recipe);
      node.recipe = digestJson({ ...node.keyParts, inputs: JSON.parse(inputs) });
      recipes.push([node.artifact, node.recipe]);
    }
  });
