/** The product's imports, held against the directions that ARCHITECTURE.md states, and the length of its files. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const mostLines = 350;

/** Folders that hold no product code. */
const others = new Set([
  "bench",
  "dist",
  "docs",
  "experiments",
  "node_modules",
  "scripts",
  "test",
  "trainers",
]);

/** `a → {b, c} → d`, from importing to imported, as `[[a], [b, c], [d]]`; `d ← a` reads the same. */
const layersOf = (statement: string): ReadonlyArray<ReadonlyArray<string>> => {
  const layers = statement
    .split(/[→←]/u)
    .map((layer) => layer.replaceAll(/[{}\s]/gu, "").split(","));
  return statement.includes("←") ? layers.toReversed() : layers;
};

/** The statements of ARCHITECTURE.md, by the folder that they are about: empty for the top. */
const statements = (): ReadonlyMap<string, ReadonlyArray<ReadonlyArray<string>>> => {
  const text = fs.readFileSync(path.join(root, "ARCHITECTURE.md"), "utf8");
  const passage = /Imports point one way:[^]*?(?=\n\n)/u.exec(text)?.[0] ?? "";
  const found = passage.matchAll(/(?:`([\w/]+)\/`:\s+)?`([^`]*[→←][^`]*)`/gu);
  return new Map(
    [...found].map(([, folder = "", statement = ""]) => [folder, layersOf(statement)]),
  );
};

const files = fs
  .readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !others.has(entry.name))
  .flatMap(({ name }) =>
    fs
      .readdirSync(path.join(root, name), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => path.join(name, file)),
  )
  .toSorted();

const textOf = new Map(
  files.map((file) => [file, fs.readFileSync(path.join(root, file), "utf8")] as const),
);

/** The product files that each file imports, for values or for types. */
const imports = new Map(
  files.map((file) => {
    const named = textOf.get(file)!.matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.[^"]+\.ts)"/gu);
    const paths = [...named].map(([, to]) => path.join(path.dirname(file), to!));
    return [file, paths.filter((to) => textOf.has(to))] as const;
  }),
);

/** The imports inside `folder` that go against `layers`, and its folders that no layer names. */
const violations = (
  folder: string,
  layers: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const depth = folder === "" ? 0 : folder.split("/").length;
  const partOf = (file: string): string | undefined =>
    file.startsWith(folder === "" ? "" : `${folder}/`) ? file.split("/")[depth] : undefined;
  const layerOf = (part: string): number => layers.findIndex((layer) => layer.includes(part));
  const pairs = new Set<string>();
  return files.flatMap((file) => {
    const part = partOf(file);
    if (part === undefined || part.endsWith(".ts")) return [];
    if (layerOf(part) < 0) return [`${file}: no statement names ${part}/`];
    return imports
      .get(file)!
      .filter((to) => {
        const target = partOf(to);
        if (target === undefined || target === part || target.endsWith(".ts")) return false;
        pairs.add(`${part} ${target}`);
        return layerOf(target) < layerOf(part) || pairs.has(`${target} ${part}`);
      })
      .map((to) => `${file} imports ${to}`);
  });
};

/** Groups of files that import each other, directly or through others (Tarjan 1972). */
const circles = (): ReadonlyArray<ReadonlyArray<string>> => {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: Array<string> = [];
  const found: Array<ReadonlyArray<string>> = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const to of imports.get(file)!) {
      if (!order.has(to)) visit(to);
      if (stack.includes(to)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(to)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1 || imports.get(file)!.includes(file)) found.push(circle);
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return found;
};

describe("the product's files", () => {
  const stated = statements();

  it("have directions that ARCHITECTURE.md states", () => {
    assert.includeMembers([...stated.keys()], ["", "pipelines", "bundle"]);
    assert.include(stated.get("")!.flat(), "scan");
  });

  for (const [folder, layers] of stated) {
    it(`import in one direction${folder === "" ? "" : ` inside ${folder}/`}`, () => {
      assert.deepStrictEqual(violations(folder, layers), []);
    });
  }

  it("import each other in no circle", () => assert.deepStrictEqual(circles(), []));

  it(`have at most ${mostLines} lines`, () => {
    const long = files.filter((file) => textOf.get(file)!.split("\n").length - 1 > mostLines);
    assert.deepStrictEqual(long, []);
  });
});
