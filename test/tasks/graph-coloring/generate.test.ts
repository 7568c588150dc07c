import { assert, describe, it } from "@effect/vitest";
import { chromaticNumber } from "../../../tasks/graph-coloring/dsatur.ts";
import { generateGraph } from "../../../tasks/graph-coloring/generate.ts";
import type { Edge } from "../../../tasks/graph-coloring/Graph.ts";
import { Random } from "../../../stats/Random.ts";
import { ImpossibleTask } from "../../../tasks/Task.ts";
import { graphParams } from "../params.ts";

/** Brute force over every colouring. */
const bruteForce = (v: number, edges: ReadonlyArray<Edge>): number => {
  for (let colors = 1; ; colors++) {
    for (let code = 0; code < colors ** v; code++) {
      const color = (vertex: number) => Math.floor(code / colors ** vertex) % colors;
      if (edges.every(([a, b]) => color(a) !== color(b))) return colors;
    }
  }
};

/** Mycielski's construction: raises the chromatic number by one without a new triangle. */
const mycielski = ([v, edges]: readonly [number, ReadonlyArray<Edge>]): [
  number,
  ReadonlyArray<Edge>,
] => [
  2 * v + 1,
  [
    ...edges,
    ...edges.flatMap(([a, b]): Array<Edge> => [
      [a, b + v],
      [b, a + v],
    ]),
    ...Array.from({ length: v }, (_, i): Edge => [i + v, 2 * v]),
  ],
];

describe("chromaticNumber", () => {
  it("agrees with brute force", () => {
    const random = Random.of("brute force");
    for (let i = 0; i < 400; i++) {
      const v = random.integer(2, 6);
      const density = random.uniform();
      const { edges, c } = generateGraph(graphParams({ vertices: v, density }), random);
      assert.strictEqual(c, bruteForce(v, edges), JSON.stringify(edges));
    }
  });

  it("is known for complete graphs, odd cycles and triangle-free graphs", () => {
    const complete = (v: number) =>
      Array.from({ length: v }, (_, a) => Array.from({ length: a }, (_, b): Edge => [b, a])).flat();
    for (let v = 1; v <= 20; v++) assert.strictEqual(chromaticNumber(v, complete(v)), v);
    const cycle = (v: number) => Array.from({ length: v }, (_, a): Edge => [a, (a + 1) % v]);
    for (let v = 3; v <= 15; v++) assert.strictEqual(chromaticNumber(v, cycle(v)), 2 + (v % 2));
    const grotzsch = mycielski(mycielski([2, [[0, 1]]]));
    assert.strictEqual(chromaticNumber(...grotzsch), 4);
    assert.strictEqual(chromaticNumber(...mycielski(grotzsch)), 5);
  });
});

describe("generateGraph", () => {
  it("fits every param", () => {
    const random = Random.of("wishes");
    const seen = new Set<number>();
    for (let i = 0; i < 300; i++) {
      const graph = generateGraph(
        graphParams({ vertices: [6, 8], colors: [3, 4], edges: [8, 14], isolated: false }),
        random,
      );
      seen.add(graph.v);
      assert.include([6, 8], graph.v);
      assert.include([3, 4], graph.c);
      assert.isAtLeast(graph.edges.length, 8);
      assert.isAtMost(graph.edges.length, 14);
      assert.strictEqual(new Set(graph.edges.flat()).size, graph.v);
    }
    assert.strictEqual(seen.size, 2);
  });

  it("has the density of the params", () => {
    const random = Random.of("density");
    let edges = 0;
    for (let i = 0; i < 1000; i++)
      edges += generateGraph(graphParams({ vertices: 10, density: 0.3 }), random).edges.length;
    // 45 possible edges, 1000 graphs; the tolerance is five standard deviations.
    assert.closeTo(edges / 45_000, 0.3, 5 * Math.sqrt((0.3 * 0.7) / 45_000));
  });

  it("plants a colouring where the chromatic number is rare, at the density of the params", () => {
    const random = Random.of("planted");
    let edges = 0;
    for (let i = 0; i < 100; i++) {
      const graph = generateGraph(
        graphParams({ vertices: 18, density: 0.45, colors: [3] }),
        random,
      );
      assert.strictEqual(graph.c, 3);
      edges += graph.edges.length;
    }
    // 153 possible edges, 100 graphs.
    assert.closeTo(edges / 15_300, 0.45, 0.02);
  });

  it("throws with the params that no graph fits", () => {
    const impossible = graphParams({ vertices: 3, colors: [4] });
    assert.throws(
      () => generateGraph(impossible, Random.of(0)),
      ImpossibleTask,
      /3 vertices at density 0.5, a chromatic number of 4/,
    );
  });
});
