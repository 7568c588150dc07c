/** Figures before they are drawn: on the page, or as files for a paper. */
import { plural } from "../../kinds/terminal.ts";

export interface Figure {
  /** The name of its files, without a suffix. */
  readonly name: string;
  /** The alternative text. */
  readonly alternative: string;
  readonly caption: string;
  /** The chart whose plots have this width, in CSS pixels. */
  readonly chart: (width: number) => object;
  /** How many plots stand side by side. */
  readonly plots: number;
  /** The width of a plot on the page. */
  readonly width: number;
}

/** Figures that belong together. */
export interface FigureGroup {
  readonly figures: ReadonlyArray<Figure>;
  /** Sentences on data that are not drawn: a figure of everything would be unreadable. */
  readonly omitted: ReadonlyArray<string>;
}

export const joined = (groups: ReadonlyArray<FigureGroup>): FigureGroup => ({
  figures: groups.flatMap(({ figures }) => figures),
  omitted: groups.flatMap(({ omitted }) => omitted),
});

/** A sentence on the names that are not drawn; none where all are. */
export const omittedNames = (
  of: string,
  noun: string,
  names: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  if (names.length === 0) return [];
  const more = names.length - mostNamed;
  const named = `${names.slice(0, mostNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return [`${of}: ${plural(names.length, noun)} not drawn: ${named}.`];
};

const mostNamed = 8;

/** A name for a figure's files from its parts: letters, digits and hyphens, which every paper's tools take. */
export const fileName = (...parts: ReadonlyArray<string>): string =>
  parts
    .join("-")
    .replaceAll(/[^\p{L}\p{N}._]+/gu, "-")
    .replaceAll(/^-|-$/gu, "");

/** Letters of a name that a chart has room for. */
const mostLetters = 40;

export const cutName = (name: string, most = mostLetters): string => {
  const letters = [...name];
  return letters.length <= most ? name : `${letters.slice(0, most - 1).join("")}…`;
};

/** A sentence where the charts of something cut names. */
export const cutNote = (
  of: string,
  names: ReadonlyArray<string>,
  most = mostLetters,
): ReadonlyArray<string> =>
  names.some((name) => cutName(name, most) !== name)
    ? [`Names of more than ${most} letters are cut in figures of ${of}.`]
    : [];
