/** The first line of a page that is served: links, and the place where its script says that the server is gone. */
import { html, type Html } from "./html.ts";

export const liveLine = (links: Html): Html =>
  html`<p class="note">${links} <span role="status" id="live"></span></p>`;
