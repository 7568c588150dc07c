import { Console, Effect } from "effect";
import { Command } from "effect/cli";
import { experimentJsonSchema } from "../../stages/experimentJsonSchema.ts";

export const schemaCommand = Command.make("schema", {}, () =>
  Effect.flatMap(Effect.sync(experimentJsonSchema), (schema) =>
    Console.log(JSON.stringify(schema, null, 2)),
  ),
).pipe(Command.withDescription("Print the JSON Schema of experiments, for editors"));
