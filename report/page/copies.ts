/** Numbers in formats to copy; the page's script adds the buttons. */
import { html, type Html } from "./html.ts";

export const copiesOf = (
  of: string,
  formats: ReadonlyArray<readonly [name: string, text: string]>,
): Html =>
  html`<details class="copies">
    <summary>${of}: the numbers as ${formats.map(([name]) => name).join(", ")}</summary>
    ${formats.map(([name, text]) => {
      // HTML knows no carriage return.
      const lines = text.replaceAll("\r\n", "\n");
      return html`<h4>${name}</h4>
        <pre tabindex="0" data-copy="${name}">${lines}</pre>`;
    })}
  </details>`;
