/** Text of a bundle for a terminal: no character of it moves the cursor or reorders text, and it has at most 160 characters. */
const longest = 160;

export const printable = (value: unknown): string => {
  const text = jsonText(value).replace(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
};

const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "(nested too deep to print)";
  }
};
