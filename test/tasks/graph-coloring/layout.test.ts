import { assert, describe, it } from "@effect/vitest";
import { generateGraph } from "../../../tasks/graph-coloring/generate.ts";
import { circularLayout, clearance, forceLayout } from "../../../tasks/graph-coloring/layout.ts";
import { Random } from "../../../stats/Random.ts";
import { graphParams } from "../params.ts";

describe("layouts", () => {
  it("circular: places vertex 0 at the top, the others clockwise", () => {
    const [top, right, bottom] = circularLayout(4);
    assert.closeTo(top!.y, -1, 1e-12);
    assert.closeTo(right!.x, 1, 1e-12);
    assert.closeTo(bottom!.y, 1, 1e-12);
  });

  it("force: stays in the unit disc and keeps vertices clear of each other and of edges", () => {
    for (let i = 0; i < 100; i++) {
      const random = Random.of("force", i);
      const graph = generateGraph(
        graphParams({ vertices: random.integer(2, 10), density: 0.35 }),
        random,
      );
      const points = forceLayout(graph, 0.12, random);
      assert.strictEqual(points.length, graph.v);
      for (const point of points) assert.isAtMost(Math.hypot(point.x, point.y), 1 + 1e-9);
      assert.isAtLeast(clearance(points, graph.edges), 0.08, JSON.stringify(graph));
    }
  });

  it("force: places neighbours nearer than other vertices", () => {
    const path = { v: 8, c: 2, edges: Array.from({ length: 7 }, (_, i) => [i, i + 1] as const) };
    const points = forceLayout(path, 0.1, Random.of("path"));
    const distance = (a: number, b: number) =>
      Math.hypot(points[a]!.x - points[b]!.x, points[a]!.y - points[b]!.y);
    assert.isBelow(distance(3, 4), distance(0, 7));
  });
});
