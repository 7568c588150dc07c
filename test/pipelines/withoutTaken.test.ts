/** What becomes of a plan when `pipe gc` takes artifacts away after it was made. */
import { assert, it } from "@effect/vitest";
import type { Node } from "../../pipelines/Compile.ts";
import { type Plan, type PlannedNode, foundBy, withoutTaken } from "../../pipelines/Plan.ts";

const node = (name: string, ...inputs: ReadonlyArray<Node>) =>
  ({ name, inputs: Object.fromEntries(inputs.map((input) => [input.name, input])) }) as Node;

const foundAs = (each: Node, state: "present" | "collected") => ({
  id: 1,
  content: `content of ${each.name}`,
  artifact: `artifact of ${each.name}`,
  state,
});

const cached = (each: Node): PlannedNode => ({
  node: each,
  recipe: each.name,
  status: "cached",
  because: { _tag: "Found", by: "recipe" },
  found: foundAs(each, "present"),
});
const notNeeded = (each: Node): PlannedNode => ({
  ...cached(each),
  because: { _tag: "NotNeeded" },
  found: foundAs(each, "collected"),
});
const due = (each: Node): PlannedNode => ({
  node: each,
  recipe: each.name,
  status: "run",
  because: { _tag: "New" },
});

const planOf = (...nodes: ReadonlyArray<PlannedNode>) =>
  ({
    experiment: "e",
    nodes,
    byNode: new Map(nodes.map((planned) => [planned.node, planned])),
  }) as unknown as Plan;

const dueAfter = (plan: Plan, ...taken: ReadonlyArray<string>) =>
  withoutTaken(plan, new Set(taken.map((name) => `artifact of ${name}`)))
    .nodes.filter(({ status }) => status !== "cached")
    .map((planned) => planned.node.name);

const a = node("a");
const b = node("b", a);
const c = node("c", b);

it("what is due needs it again, with all that is gone above it", () => {
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), due(c)), "b"), ["b", "c"]);
  assert.deepStrictEqual(dueAfter(planOf(notNeeded(a), cached(b), due(c)), "b"), ["a", "b", "c"]);
});

it("what nothing due needs is not made again, but what the experiment is for is", () => {
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), cached(c)), "a", "b"), []);
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), cached(c)), "c"), ["c"]);
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), due(c)), "a"), ["c"]);
});

it("a run asks only after what it has found there", () => {
  assert.deepStrictEqual([...foundBy(planOf(notNeeded(a), cached(b), due(c)))], ["artifact of b"]);
});
