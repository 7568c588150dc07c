/** HTML in which every inserted text is inert: escaped, and its hidden characters made visible. */
import { visible } from "../transcript/visible.ts";

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Html | string | number | undefined | ReadonlyArray<Part>;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escape = (text: string): string =>
  visible(text).replace(/[&<>"']/gu, (character) => entities[character]!);

const render = (part: Part): string => {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  return Array.isArray(part) ? part.map(render).join("") : escape(String(part));
};

export const html = (strings: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Html =>
  new Html(strings.map((text, index) => text + render(parts[index])).join(""));

/**
 * The beginning of a named part of the page, which ends where the next begins. Verifying a bundle names the parts that differ; what is
 * inserted into a page can't begin one, since it is escaped.
 */
export const block = (name: string): Html => html`<!-- block: ${name} -->`;

/** A PNG in the page, as many times its size, or as near to 256 pixels as whole numbers allow. */
export const picture = (png: Uint8Array, alternative: string): Html =>
  html`<img
    src="data:image/png;base64,${new Html(Buffer.from(png).toString("base64"))}"
    alt="${alternative}"
  />`;

/** An id for links within the page. */
export const idOf = (kind: string, name: string): string =>
  `${kind}-${Buffer.from(name).toString("base64url")}`;
