/** The frame of a page: its policy, style and script, all in one file. */
import crypto from "node:crypto";
import type { SampleData } from "../packSamples.ts";
import { block, escape, type Html } from "./html.ts";

export interface Inlined {
  readonly style: string;
  readonly script: string;
  /** The samples for the script. */
  readonly packed: SampleData;
  /** Whether the page asks its own address what is new. A page in a file asks nothing. */
  readonly isLive: boolean;
}

/** Style and script are allowed by their hashes, so nothing is added to them, no blank either. */
export const document = (
  title: string,
  body: Html,
  { style, script, packed, isLive }: Inlined,
): string => {
  const policy = [
    "default-src 'none'",
    "img-src data:",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    ...(isLive ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    // A browser asks a server for an icon that a page doesn't name.
    ...(isLive ? ['<link rel="icon" href="data:,">'] : []),
    `<title>${escape(title)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    body.text,
    block("samples").text,
    `<script type="${packed.type}" id="data">${packed.text}</script>`,
    block("script").text,
    `<script>${script}</script>`,
    "</body>",
    "</html>",
    "",
  ]
    .join("\n")
    .toWellFormed();
};

const hashOf = (text: string): string =>
  `sha256-${crypto.createHash("sha256").update(text).digest("base64")}`;
