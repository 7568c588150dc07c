/** Objects of one union in a stage's params are told apart by a key, so that reading a key's params drops none of them. */
import { assert, it } from "@effect/vitest";
import { SchemaAST } from "effect";
import { choicesOf } from "../../pipelines/experiment/schemaWords.ts";
import { stages } from "../../stages/stages.ts";

/** The unions of several objects inside a schema, at any depth. */
const unionsIn = (given: SchemaAST.AST): ReadonlyArray<SchemaAST.Union> => {
  const ast = SchemaAST.toEncoded(given);
  if (SchemaAST.isObjects(ast))
    return [...ast.propertySignatures, ...ast.indexSignatures].flatMap(({ type }) =>
      unionsIn(type),
    );
  if (SchemaAST.isArrays(ast)) return [...ast.elements, ...ast.rest].flatMap(unionsIn);
  if (!SchemaAST.isUnion(ast)) return [];
  const isOfObjects = ast.types.filter(SchemaAST.isObjects).length > 1;
  return [...(isOfObjects ? [ast] : []), ...ast.types.flatMap(unionsIn)];
};

const tagsOf = (name: string) =>
  unionsIn(stages.get(name)!.params.ast).map((union) => choicesOf(union).tagged?.key);

it("the objects of every union have a key that tells them apart", () => {
  const without = [...stages.keys()].filter((name) => tagsOf(name).includes(undefined));
  assert.deepStrictEqual(without, []);
});

it("the unions of sft and grpo are found", () => {
  assert.deepStrictEqual(tagsOf("sft"), ["kind", "kind"]);
  assert.deepStrictEqual(tagsOf("grpo"), ["surrogate", "kind", "kind"]);
});
