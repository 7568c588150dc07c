/**
 * Level 3, page: the page is made again from the payload and compared block by block. Where this pipe is not the one of the bundle, other
 * code may give another page, so a difference is a note and not a problem.
 */
import fs from "node:fs";
import { sourceFile } from "../describe/sourceFile.ts";
import { type MakePage, pageFile } from "../format/MakePage.ts";
import type { OpenBundle } from "../format/open.ts";
import { type Check, counted, Findings } from "./Check.ts";
import { sourceFolder, textOf } from "./Contents.ts";
import { differencesOf } from "./difference.ts";

export const verifyPage = async (
  bundle: OpenBundle,
  makePage: MakePage | undefined,
): Promise<Check> => {
  const findings = new Findings(3, "page");
  if (makePage === undefined) {
    findings.limit(
      `${pageFile}: only its hash is compared; \`npx pipe verify\` makes the page again`,
    );
    return findings.check(pageFile);
  }
  const due = blocksIn(await makePage(bundle.directory));
  const found = blocksIn(textOf(bundle, pageFile));
  const differing = differencesBetween(due, found);
  if (isOwnPipe(bundle))
    for (const { name, ...sides } of differing)
      findings.add({
        file: pageFile,
        number: `block ${name}`,
        ...sides,
        message: "differs from what the bundle's results give",
      });
  else if (differing.length > 0)
    findings.limit(
      `${pageFile}: ${counted(differing.length, "block")} of ${found.length} ${differing.length === 1 ? "differs" : "differ"} from what this pipe makes (${differing[0]!.name}); the pipe in ${sourceFolder} says whether it made them`,
    );
  return findings.check(counted(due.length, "block"));
};

interface Block {
  readonly name: string;
  readonly text: string;
}

/** Everything before the first mark is the block `head`. */
const blocksIn = (page: string): ReadonlyArray<Block> => {
  const [head = "", ...rest] = page.split("<!-- block: ");
  return [
    { name: "head", text: head },
    ...rest.map((part) => {
      const end = part.indexOf(" -->");
      return { name: part.slice(0, Math.max(0, end)), text: part };
    }),
  ];
};

interface BlockDifference {
  readonly name: string;
  readonly expected: unknown;
  readonly found: unknown;
}

/** Blocks by their order; where their names differ, only those that are missing or too many. */
const differencesBetween = (
  due: ReadonlyArray<Block>,
  found: ReadonlyArray<Block>,
): ReadonlyArray<BlockDifference> => {
  const [expected, there] = [due, found].map((blocks) => blocks.map(({ name }) => name));
  const names = differencesOf(expected, there);
  if (names.length > 0) return names.map(({ path, ...sides }) => ({ name: path, ...sides }));
  return due.flatMap(({ name, text }, index) => {
    const other = found[index]!.text;
    return text === other ? [] : [{ name, ...excerpts(text, other) }];
  });
};

/** Characters shown before the first that differs, and in all. */
const before = 30;
const shown = 90;

const excerpts = (expected: string, found: string) => {
  let at = 0;
  while (expected[at] === found[at]) at += 1;
  const cut = (text: string) => text.slice(Math.max(0, at - before), at - before + shown);
  return { expected: cut(expected), found: cut(found) };
};

const decidesPage = /(?:\.ts|\.css|^package-lock\.json)$/u;

/** Every source that decides what a page looks like is the same here. */
const isOwnPipe = (bundle: OpenBundle): boolean =>
  [...bundle.files.keys()].every((file) => {
    const source = file.slice(sourceFolder.length + 1);
    if (!file.startsWith(`${sourceFolder}/`) || !decidesPage.test(source)) return true;
    const own = sourceFile(source);
    return fs.existsSync(own) && fs.readFileSync(own).equals(bundle.read(file));
  });
