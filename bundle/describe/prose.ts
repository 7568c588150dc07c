/** Sentences in the JSON that describes a bundle. The hashes alone cover them, so that their wording is not part of the format. */
const isProse = (key: string): boolean =>
  key === "description" ||
  key === "error" ||
  key === "prov:wasDerivedFrom" ||
  key.startsWith("rai:");

/** The value without its sentences, at any depth. */
export const withoutProse = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      isProse(key) ? [] : [[key, withoutProse(inner)]],
    ),
  );
};
