/** Tells random words from words of a language and names in a program. */

/** Bits a character, by how often each occurs. */
const entropy = (word: string): number => {
  const counts = new Map<string, number>();
  for (const letter of word) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
};

/** Letters and digits in disorder. */
export const looksRandom = (word: string): boolean =>
  word.length >= 16 && /\d/.test(word) && /[a-z]/i.test(word) && entropy(word) >= 3;

/** The letters that follow a letter in nineteen of twenty pairs of English words and of names in programs. */
const usualPairs = new Set(
  "a:bcdgilmnprstuvy b:aeilorsu c:acehiklorstu d:aeiosu e:acdefgilmnpqrstvx f:aefiloru g:aehilnrs h:aeiot i:abcdefglmnoprstvxz j:aou k:eis l:adeilostuy m:abeimopsu n:acdefginostuv o:abcdfgiklmnoprstuvw p:aeiloprstuy q:u r:acdegiklmnorstuvy s:acehiklopstuy t:acehilorstuy u:abceilmnprst v:aei w:aeir x:eipt y:p z:e"
    .split(" ")
    .flatMap((entry) => Array.from(entry.slice(2), (second) => entry[0]! + second)),
);

/** Letters alone, in an order that no language has. */
export const looksUnpronounceable = (word: string): boolean => {
  if (word.length < 10 || !/^[a-z]+$/i.test(word)) return false;
  const letters = word.toLowerCase();
  let odd = 0;
  for (let i = 1; i < letters.length; i += 1)
    if (!usualPairs.has(letters.slice(i - 1, i + 1))) odd += 1;
  return odd >= 0.4 * (letters.length - 1);
};
