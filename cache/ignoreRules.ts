/**
 * Rules as in `.gitignore`: they say which paths below a directory do not count. Pure.
 *
 * The npm package `ignore` also applies the rules to the directories above a path, so it would leave out all of a source that
 * lies in an ignored directory.
 */

interface IgnoreRule {
  readonly pattern: RegExp;
  readonly directoriesOnly: boolean;
  readonly again: boolean;
}

/** True for an ignored path, which is relative and has forward slashes. Callers ask about its parents first. */
export type IsIgnored = (path: string, isDirectory: boolean) => boolean;

/** The last rule that matches a path decides; one that begins with `!` lets it count again. */
export const ignoreRules = (lines: ReadonlyArray<string>): IsIgnored => {
  const rules = lines.flatMap(ruleOf);
  return (path, isDirectory) =>
    rules.findLast(
      ({ pattern, directoriesOnly }) => (isDirectory || !directoriesOnly) && pattern.test(path),
    )?.again === false;
};

const ruleOf = (line: string): ReadonlyArray<IgnoreRule> => {
  // Blanks at the end count only behind a backslash.
  const text = line.replace(/\r$/u, "").replace(/(?<!\\) +$/u, "");
  if (text === "" || text.startsWith("#")) return [];
  const again = text.startsWith("!");
  const glob = again ? text.slice(1) : text;
  const body = glob.replace(/\/$/u, "");
  if (body === "") return [];
  // A slash before the end ties the rule to the top; without one it holds for names at any depth.
  const start = body.includes("/") ? "^" : "^(?:.*/)?";
  const source = `${start}${regexOf(body.replace(/^\//u, ""))}$`;
  try {
    return [{ pattern: new RegExp(source, "su"), directoriesOnly: glob.endsWith("/"), again }];
  } catch {
    // Git ignores a rule with an open bracket or a range that ends before it begins.
    return [];
  }
};

const parts =
  /(?<any>^\*\*\/|\/\*\*\/|\/\*\*$)|(?<stars>\*+)|(?<one>\?)|\[(?<not>[!^]?)(?<set>\]?(?:\\.|[^\]\\])*)\]|\\(?<escaped>.)|(?<other>[^])/gsu;

const regexOf = (glob: string): string =>
  glob.replaceAll(parts, (match, ...rest) => {
    const { any, stars, one, not, set, escaped, other } = rest.at(-1) as Readonly<
      Record<string, string | undefined>
    >;
    if (any !== undefined) return any === "/**" ? "/.+" : any === "**/" ? "(?:.*/)?" : "/(?:.*/)?";
    if (stars !== undefined) return "[^/]*";
    if (one !== undefined) return "[^/]";
    if (set !== undefined) return `(?!/)[${not === "" ? "" : "^"}${setOf(set)}]`;
    return literal(escaped ?? other ?? match);
  });

const literal = (character: string): string =>
  /[\\^$.*+?()[\]{}|/]/u.test(character) ? `\\${character}` : character;

const setOf = (set: string): string =>
  set.replaceAll(/\\(.)|[[\]^\\]/gu, (match, escaped?: string) => `\\${escaped ?? match}`);
