import { Schema } from "effect";
import { byDefault } from "../../schemas/byDefault.ts";

const Count = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 20 }));

const EdgeCount = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 190 }));

/** Which graphs to draw from: Erdős–Rényi graphs, kept when they have what is asked for. */
export const GraphColoringParams = Schema.Struct({
  kind: Schema.Literal("graph-coloring"),
  vertices: Schema.Union([Count, Schema.NonEmptyArray(Count)]).annotate({
    description: "Number of vertices, or a list to choose from for each graph.",
  }),
  density: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
    .annotate({ description: "Probability of each possible edge." })
    .pipe(byDefault(0.5)),
  colors: Schema.optionalKey(
    Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))).annotate({
      description: "Allowed exact chromatic numbers; any when left out.",
    }),
  ),
  edges: Schema.optionalKey(
    Schema.Tuple([EdgeCount, EdgeCount]).annotate({
      description: "Least and greatest number of edges.",
    }),
  ),
  isolated: Schema.Boolean.annotate({
    description: "Whether vertices without an edge are allowed.",
  }).pipe(byDefault(true)),
  layout: Schema.Literals(["circular", "force"]).pipe(byDefault("circular")),
});
export interface GraphColoringParams extends Schema.Schema.Type<typeof GraphColoringParams> {}
