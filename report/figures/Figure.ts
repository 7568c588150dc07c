/** A figure before it is drawn: on the page, or as a file for a paper. */
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

/** A name for a figure's files from its parts: letters, digits and hyphens, which every paper's tools take. */
export const fileName = (...parts: ReadonlyArray<string>): string =>
  parts
    .join("-")
    .replaceAll(/[^\p{L}\p{N}._]+/gu, "-")
    .replaceAll(/^-|-$/gu, "");
