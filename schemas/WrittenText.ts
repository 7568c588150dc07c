/** Text for which a number or a boolean may stand in an experiment; the planner puts in what the author wrote, such as `1.0`. */
import { Schema, SchemaTransformation } from "effect";

const Unquoted = Schema.Union([Schema.Finite, Schema.Boolean]);

export const WrittenText = Schema.Union([
  Schema.String,
  Unquoted.pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: String,
        encode: (text) => JSON.parse(text) as number | boolean,
      }),
    ),
  ),
]);
