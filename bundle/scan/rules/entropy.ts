/** Whether a word looks drawn by lot. */

/** Bits a character, by how often each occurs. */
export const entropy = (word: string): number => {
  const counts = new Map<string, number>();
  for (const letter of word) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
};

/** Letters and digits in disorder, such as names and words of a language hardly have. */
export const looksDrawn = (word: string): boolean =>
  word.length >= 16 && /\d/.test(word) && /[a-z]/i.test(word) && entropy(word) >= 3;
