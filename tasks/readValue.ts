/** Readers of unknown values from JSON. */

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A whole number from 0, as a number or as digits in a string. */
export const asCount = (value: unknown): number | undefined => {
  if (typeof value === "number")
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== "string" || value.length > 8) return undefined;
  return /^\s*\d+\s*$/.test(value) ? Number(value) : undefined;
};
