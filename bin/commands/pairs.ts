import { Effect } from "effect";
import { UsageError } from "../UsageError.ts";

/** Values of the form `name=value`, by name. */
export const pairs = (flag: string, form: string, given: ReadonlyArray<string>) => {
  const found = given.map((text) => /^(?<name>[^=]+)=(?<value>.*\S.*)$/su.exec(text)?.groups);
  const bad = found.findIndex((pair) => pair === undefined);
  return bad === -1
    ? Effect.succeed(new Map(found.map((pair) => [pair?.["name"] ?? "", pair?.["value"] ?? ""])))
    : Effect.fail(new UsageError({ message: `${flag}: \`${given[bad]}\` is not ${form}` }));
};
