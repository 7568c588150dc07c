/** Makes the text of a bundle's page from the payload in a folder. The verifier in a bundle has none: the page takes a chart library. */
export type MakePage = (directory: string) => Promise<string>;

/** The name that RO-Crate gives a crate's page. */
export const pageFile = "data/ro-crate-preview.html";
