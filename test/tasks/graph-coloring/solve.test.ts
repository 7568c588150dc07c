import { assert, describe, it } from "@effect/vitest";
import { generateGraph } from "../../../tasks/graph-coloring/generate.ts";
import { graphColoring } from "../../../tasks/graph-coloring/index.ts";
import { solveGraph } from "../../../tasks/graph-coloring/solve.ts";
import { Random } from "../../../stats/Random.ts";
import { respond } from "../../../tasks/transcript.ts";
import { graphParams } from "../params.ts";

describe("solveGraph", () => {
  it("writes adjacency, then a line for each pick", () => {
    const triangleWithTail = {
      v: 4,
      c: 3,
      edges: [
        [0, 1],
        [0, 2],
        [1, 2],
        [2, 3],
      ] as const,
    };
    assert.strictEqual(
      respond(graphColoring, triangleWithTail),
      `<caption>[[0,1],[0,2],[1,2],[2,3]]</caption>
adj 0 1 2
adj 1 0 2
adj 2 0 1 3
adj 3 2
sat . . . . pick 2 -> a
sat a a - a pick 0 -> b
sat - ab - a pick 1 -> c
sat - - - a pick 3 -> b
<answer>{"0":"b","1":"c","2":"a","3":"b"}</answer>`,
    );
  });

  it("backtracks where the greedy choice needs one colour too many", () => {
    let backtracked = 0;
    for (let i = 0; i < 3000; i++) {
      const graph = generateGraph(
        graphParams({ vertices: 12, density: 0.4 }),
        Random.of("back", i),
      );
      const lines = solveGraph(graph).reasoning.split("\n").slice(graph.v);
      const dead = lines.filter((line) => line.endsWith("-> back")).length;
      const retried = lines.filter(
        (line) => line.includes(" tried ") && !line.endsWith("-> back"),
      ).length;
      if (dead === 0) assert.strictEqual(lines.length, graph.v);
      else {
        backtracked++;
        assert.isAtLeast(retried, 1);
      }
    }
    assert.isAtLeast(backtracked, 5);
  });

  it("writes traces of about the reference recipe's length for five vertices", () => {
    const params = graphParams({ vertices: 5, edges: [4, 8], isolated: false });
    const words = Array.from(
      { length: 200 },
      (_, i) => respond(graphColoring, generateGraph(params, Random.of(i))).split(/\s/).length,
    );
    assert.isAtMost(Math.max(...words), 100);
  });
});
