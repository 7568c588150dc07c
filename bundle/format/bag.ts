/** The BagIt bag around a payload (BagIt 1.0, RFC 8493): manifests for `sha512sum -c`, and the identity of the bundle. */
import { createHash } from "node:crypto";
import { digestsOf, inPathOrder, sizeOf, textBytes } from "./content.ts";
import type { Entry } from "./format.ts";

export interface Bag {
  /** All files below the top folder, in path order. */
  readonly entries: ReadonlyArray<Entry>;
  /** SHA-256 of `manifest-sha512.txt`. */
  readonly identity: string;
  readonly payload: { readonly files: number; readonly bytes: number };
}

/** A file of the store differs from its recorded digest. */
export class ChangedFile extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`${path} differs from its digest in the store`);
    this.path = path;
  }
}

export const isPayload = ({ path }: Pick<Entry, "path">): boolean => path.startsWith("data/");

export interface BagOptions {
  /** Known SHA-256 digests by path; each file must match its own. */
  readonly stored: ReadonlyMap<string, string>;
  readonly agent: string;
  /** Reports the bytes read so far. */
  readonly onRead: (bytes: number) => void;
}

/** `contents` has the payload below `data/` and tag files. */
export const makeBag = async (
  contents: ReadonlyArray<Entry>,
  { stored, agent, onRead }: BagOptions,
): Promise<Bag> => {
  const ordered = inPathOrder(contents);
  const payload = ordered.filter(isPayload);
  let bytes = 0;
  const manifestOf = async (entries: ReadonlyArray<Entry>): Promise<Entry["content"]> => {
    const lines: Array<string> = [];
    for (const { path, content } of entries) {
      const { sha256, sha512 } = await digestsOf(content);
      if ((stored.get(path) ?? sha256) !== sha256) throw new ChangedFile(path);
      lines.push(`${sha512}  ${path}\n`);
      onRead((bytes += sizeOf(content)));
    }
    return textBytes(lines.join(""));
  };
  const manifest = await manifestOf(payload);
  const identity = createHash("sha256")
    .update(manifest as Uint8Array)
    .digest("hex");
  const payloadBytes = payload.reduce((sum, { content }) => sum + sizeOf(content), 0);
  const info = [
    `Bag-Software-Agent: ${agent}`,
    `External-Identifier: sha256:${identity}`,
    `Payload-Oxum: ${payloadBytes}.${payload.length}`,
  ];
  const tags: ReadonlyArray<Entry> = inPathOrder([
    ...ordered.filter((entry) => !isPayload(entry)),
    tag("bagit.txt", textBytes("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")),
    tag("bag-info.txt", textBytes(`${info.join("\n")}\n`)),
    tag("manifest-sha512.txt", manifest),
  ]);
  const tagManifest = tag("tagmanifest-sha512.txt", await manifestOf(tags));
  return {
    entries: inPathOrder([...payload, ...tags, tagManifest]),
    identity,
    payload: { files: payload.length, bytes: payloadBytes },
  };
};

const tag = (path: string, content: Entry["content"]): Entry => ({
  path,
  content,
  license: "CC0-1.0",
});
