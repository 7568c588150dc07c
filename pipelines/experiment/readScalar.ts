/** Scalars of YAML: the value as it is written, or the reason why it can't be kept. */
import { Scalar } from "yaml";

export type ReadScalar =
  | { readonly value: string | number | boolean | null }
  | { readonly message: string; readonly expected: string };

const decimal = /^[-+]?(?:0|[1-9]\d*|(?=\.\d))(?:\.\d*)?(?:[eE][-+]?\d+)?$/u;

/** `0x1F` and `010` are text: a number is decimal, and readers of YAML disagree on such words. */
export const readScalar = ({ value, source = "", type }: Scalar): ReadScalar => {
  if (typeof value === "number" && type === Scalar.PLAIN) {
    if (!Number.isFinite(value) && !/\d/u.test(source))
      return { message: `the number \`${source}\` is not finite`, expected: "a finite number" };
    return decimal.test(source) ? readNumber(source, value) : { value: source };
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return { value };
  if (typeof value !== "string")
    return { message: "the value is not text", expected: "a text, a number, true or false" };
  if (!value.isWellFormed()) return halfCharacter;
  return value.includes("\0")
    ? { message: "the text has a NUL character", expected: "a text without `\\0`" }
    : { value };
};

/** UTF-8 can't encode such a text, so it can be neither a key nor a file name. */
const halfCharacter = {
  message: "the text has half a character (a lone surrogate)",
  expected: "whole characters",
};

const mostDigits = 100;

/** Refuses a number that 64-bit floating point can't tell from others with as many digits. */
const readNumber = (source: string, value: number): ReadScalar => {
  const written = significantDigits(source);
  if (written === "") return { value };
  const digits = Math.min(written.length, mostDigits);
  if (Number.isFinite(value) && significantDigits(value.toPrecision(digits)) === written)
    return { value };
  const nearest = Number.isFinite(value) && value !== 0 ? `${value}, or ` : "";
  return {
    message: `\`${source}\` doesn't fit into a number`,
    expected: `${nearest}the text in quotes`,
  };
};

/** `-0.0120e5` has `12`; zero has none. */
const significantDigits = (source: string): string =>
  source
    .replace(/[eE].*$/u, "")
    .replaceAll(/[^\d]/gu, "")
    .replace(/^0+/u, "")
    .replace(/0+$/u, "");
