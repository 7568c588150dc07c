/** Plans whose artifacts `pipe gc` collects after planning. */
import { assert, it } from "@effect/vitest";
import type { Node } from "../../../pipelines/experiment/Node.ts";
import {
  cachedArtifacts,
  type Plan,
  type PlannedNode,
  withoutCollected,
} from "../../../pipelines/plan/Plan.ts";

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

const dueAfter = (plan: Plan, ...collected: ReadonlyArray<string>) =>
  withoutCollected(plan, new Set(collected.map((name) => `artifact of ${name}`)))
    .nodes.filter(({ status }) => status !== "cached")
    .map((planned) => planned.node.name);

const a = node("a");
const b = node("b", a);
const c = node("c", b);

it("a due node makes its collected inputs due, and theirs", () => {
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), due(c)), "b"), ["b", "c"]);
  assert.deepStrictEqual(dueAfter(planOf(notNeeded(a), cached(b), due(c)), "b"), ["a", "b", "c"]);
});

it("collected artifacts that no due node needs stay collected, except final ones", () => {
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), cached(c)), "a", "b"), []);
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), cached(c)), "c"), ["c"]);
  assert.deepStrictEqual(dueAfter(planOf(cached(a), cached(b), due(c)), "a"), ["c"]);
});

it("a run checks only artifacts that its plan has found", () => {
  assert.deepStrictEqual(
    [...cachedArtifacts(planOf(notNeeded(a), cached(b), due(c)))],
    ["artifact of b"],
  );
});
