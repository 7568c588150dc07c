/** Params that only another trainer or engine reads. */
import { isDeepStrictEqual } from "node:util";
import type { ParamsProblem } from "./Stage.ts";

export interface Choice {
  readonly what: "trainer" | "engine";
  readonly chosen: string;
  /** The choice that reads the params. */
  readonly reader: string;
}

/** A problem for each of `names` that differs from its default. */
export const foreignParams = <Name extends string>(
  params: Readonly<Record<Name, unknown>>,
  defaults: Readonly<Record<Name, unknown>>,
  names: ReadonlyArray<Name>,
  { what, chosen, reader }: Choice,
): ReadonlyArray<ParamsProblem> =>
  names
    .filter((name) => !isDeepStrictEqual(params[name], defaults[name]))
    .map((name) => ({
      path: [name],
      message: `the ${what} \`${chosen}\` does not read \`${name}\``,
      expected: `no \`${name}\`, or \`${what}: ${reader}\``,
    }));
