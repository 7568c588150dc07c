/** Files of a bundle in memory, and archives of them. */
import path from "node:path";
import { makeBag } from "../../bundle/format/bag.ts";
import type { Entry } from "../../bundle/format/format.ts";
import { writeTarGz } from "../../bundle/format/tar.ts";

/** By path below the top folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

export const textIn = (files: Files, name: string): string => {
  const content = files.get(name);
  if (content === undefined) throw new Error(`no file ${name}`);
  return Buffer.from(content).toString("utf8");
};

export const fileBytes = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`);

/** The files in a bag with right manifests, and the name of its top folder. */
export const bagOf = async (
  files: Files,
): Promise<{ readonly top: string; readonly files: Files }> => {
  const entries = [...files].map(([name, content]): Entry => ({
    path: name,
    content,
    license: "MIT",
  }));
  const bag = await makeBag(entries, { stored: new Map(), agent: "test", onRead: () => undefined });
  const all = new Map(bag.entries.map(({ path: name, content }) => [name, content as Uint8Array]));
  return { top: `small-${bag.identity.slice(0, 12)}`, files: all };
};

/** An archive in `folder` of exactly these files. */
export const archiveOf = async (top: string, files: Files, folder: string): Promise<string> => {
  const archive = path.join(folder, `${top}.tar.gz`);
  const entries = [...files].map(([name, content]) => ({ path: `${top}/${name}`, content }));
  await writeTarGz(entries, archive, () => undefined);
  return archive;
};

/** An archive with right manifests. */
export const packed = async (files: Files, folder: string): Promise<string> => {
  const bag = await bagOf(files);
  return archiveOf(bag.top, bag.files, folder);
};
