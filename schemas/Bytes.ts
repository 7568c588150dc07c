/** Amounts of memory in experiments. */
import { Schema, SchemaTransformation } from "effect";

const units: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const amount = /^(\d+(?:\.\d+)?) ?([KMGT]i?B|B)$/u;

const bytesOf = (text: string): number => {
  const [, number = "", unit = ""] = amount.exec(text) ?? [];
  return Math.ceil(Number(number) * (units[unit] ?? Number.NaN));
};

/** `8 GB`, `512 MiB`: a number of bytes. */
export const Bytes = Schema.String.check(
  Schema.isPattern(amount, { message: "an amount of memory such as `8 GB` or `512 MiB`" }),
).pipe(
  Schema.decodeTo(
    Schema.Finite,
    SchemaTransformation.transform({ decode: bytesOf, encode: (bytes) => `${bytes} B` }),
  ),
);
