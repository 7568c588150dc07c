declare module "subset-font" {
  /** A font with no more than the glyphs of a text. */
  export default function subsetFont(
    font: Uint8Array,
    text: string,
    options: { readonly targetFormat: "woff2" },
  ): Promise<Buffer>;
}
