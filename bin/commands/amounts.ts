/** Durations and sizes on the command line. */
import { Effect, Option, Schema } from "effect";
import { Bytes } from "../../schemas/Bytes.ts";
import { UsageError } from "../UsageError.ts";

const units: ReadonlyArray<readonly [names: RegExp, seconds: number]> = [
  [/^(?:s|seconds?)$/u, 1],
  [/^(?:m|min|minutes?)$/u, 60],
  [/^(?:h|hours?)$/u, 3600],
  [/^(?:d|days?)$/u, 86_400],
  [/^(?:w|weeks?)$/u, 604_800],
];
const amount = /^(\d+(?:\.\d+)?) ?([a-z]+)$/u;

/** `30d` or `12 hours`, in seconds. */
export const parseSeconds = (flag: string, text: string) => {
  const [, number = "", name = ""] = amount.exec(text.trim()) ?? [];
  const unit = units.find(([names]) => names.test(name));
  return unit === undefined
    ? new UsageError({
        message: `${flag}: \`${text}\` is not a duration; write, for example, 30d, 12h or 2 weeks`,
      })
    : Effect.succeed(Number(number) * unit[1]);
};

const decodeBytes = Schema.decodeUnknownOption(Bytes);

/** `10GB`, `512 MiB` or `10g`, in bytes. */
export const parseBytes = (flag: string, text: string) =>
  Option.match(decodeBytes(withFullUnit(text.trim())), {
    onNone: () =>
      new UsageError({ message: `${flag}: \`${text}\` is not a size; write, for example, 10GB` }),
    onSome: Effect.succeed,
  });

const withFullUnit = (text: string): string =>
  text.replace(
    /([kmgt])(i?)b?$/iu,
    (_, unit: string, binary: string) => `${unit.toUpperCase()}${binary}B`,
  );
