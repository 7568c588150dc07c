import { Schema } from "effect";
import { byDefault } from "../../schemas/byDefault.ts";
import { Share } from "../../schemas/numbers.ts";

const Count = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 20 }));

const EdgeCount = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 190 }));

/** The distribution of graphs: Erdős–Rényi graphs, rejected unless they fit every param. */
export const GraphColoringParams = Schema.Struct({
  kind: Schema.Literal("graph-coloring"),
  vertices: Schema.Union([Count, Schema.NonEmptyArray(Count)]).annotate({
    description: "number of vertices, or a list to choose from for each graph",
  }),
  density: Share.annotate({ description: "probability of each possible edge" }).pipe(
    byDefault(0.5),
  ),
  colors: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))).annotate({
      description: "allowed exact chromatic numbers; left out: any",
    }),
  ),
  edges: Schema.optionalKey(
    Schema.Tuple([EdgeCount, EdgeCount]).annotate({
      description: "least and greatest number of edges; left out: any",
    }),
  ),
  isolated: Schema.Boolean.annotate({
    description: "whether vertices without an edge are allowed",
  }).pipe(byDefault(true)),
  layout: Schema.Literals(["circular", "force"])
    .annotate({
      description: "vertices on a circle, or where springs between neighbours pull them",
    })
    .pipe(byDefault("circular")),
}).annotate({
  description: "the least number of colours with which no edge joins two vertices of one",
});
export interface GraphColoringParams extends Schema.Schema.Type<typeof GraphColoringParams> {}
