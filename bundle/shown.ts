/** Text from a bundle on its way to a terminal: nothing in it moves the cursor, turns lines around, or goes on for pages. */
const longest = 160;

export const shown = (value: unknown): string => {
  const text = written(value);
  const plain = text.replace(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return plain.length <= longest ? plain : `${plain.slice(0, longest)}…`;
};

const written = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "(nested too deep to be shown)";
  }
};
