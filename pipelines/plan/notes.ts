/** Notes of a plan for the experiment's author: probable mistakes, files left out of sources. Nothing is refused. */
import fs from "node:fs";
import path from "node:path";
import type { Graph } from "../experiment/Node.ts";
import { placeAt } from "../experiment/Located.ts";
import { spanOf } from "../experiment/Source.ts";

const shownOfStage = 3;
const shownPaths = 5;

export const notesOf = (
  graph: Graph,
  project: string,
  ignored: ReadonlySet<string>,
): ReadonlyArray<string> => {
  const isFile = projectFiles(project);
  const ofStages = new Map<string, Set<string>>();
  for (const { stage, stageName, inputs, params } of graph.nodes) {
    const around = { inputs: Object.keys(inputs), isFile };
    for (const { path: at, message, expected } of stage.hints?.(params.decoded, around) ?? []) {
      const { file, line, col } = spanOf(placeAt(params.locate(), at));
      const notes = ofStages.get(stageName) ?? new Set();
      notes.add(`${file}:${line}:${col} ${stageName}: ${message}; expected ${expected}`);
      ofStages.set(stageName, notes);
    }
  }
  return [
    ...[...ofStages.values()].flatMap((notes) => shorten([...notes], shownOfStage)),
    ...(ignored.size === 0 ? [] : [ignoredText([...ignored].toSorted())]),
  ];
};

const shorten = (texts: ReadonlyArray<string>, most: number): ReadonlyArray<string> =>
  texts.length <= most
    ? texts
    : [...texts.slice(0, most), `and ${texts.length - most} more like these`];

const ignoredText = (paths: ReadonlyArray<string>): string =>
  `left out of sources: ${shorten(paths, shownPaths).join(", ")}; to change this, add rules to .pipeignore, such as !${path.basename(paths[0] ?? "")}`;

/** Tells words that are paths of files below the project; each word is looked up once. */
const projectFiles = (project: string) => {
  const known = new Map<string, boolean>();
  // One listing spares a look at the disk for most words, such as the 50,000 values of an axis.
  const names = new Set(fs.readdirSync(project));
  const look = (word: string): boolean => {
    const relative = path.relative(project, path.resolve(project, word));
    if (!names.has(relative.split("/")[0] ?? "") || word.includes("\0")) return false;
    try {
      return (
        fs.statSync(path.join(project, relative), { throwIfNoEntry: false })?.isFile() === true
      );
    } catch {
      // Such as a word that is too long for a name.
      return false;
    }
  };
  return (word: string): boolean => {
    const before = known.get(word);
    if (before !== undefined) return before;
    const found = look(word);
    known.set(word, found);
    return found;
  };
};
