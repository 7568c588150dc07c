/**
 * Names of files that come from somebody else: which of them are refused, so that what is written lies below the target on every
 * system, and no name takes another's place.
 */
import { bad, type BadBundle } from "./BadBundle.ts";
import { limits } from "./format.ts";
import { shown } from "./shown.ts";

const segmentBytes = 255;

/** Windows gives these to devices, whatever comes after a dot. */
const device = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:$|[. ])/iu;

// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u001F\u007F<>:"|?*\\\uFFFD]/u;

/** Why a path can't be taken; undefined where it can. */
export const whyUnsafe = (path: string): string | undefined => {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  if (!path.isWellFormed()) return "is not Unicode";
  if (Buffer.byteLength(path) > limits.pathBytes) return "is too long";
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") return "has an empty part";
    if (segment === "..") return "leads out of the bundle";
    if (forbidden.test(segment)) return "has a character that not every system allows";
    if (/[. ]$/u.test(segment)) return "has a part that ends in a dot or a blank";
    if (device.test(segment)) return "names a device of Windows";
    if (Buffer.byteLength(segment) > segmentBytes) return "has a part that is too long";
  }
  return undefined;
};

/** Equal where any file system in use might take two names for one. */
const folded = (name: string): string =>
  name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");

/** Takes paths one by one and refuses those that can't stand beside the ones before. */
export class NameGuard {
  /** Each file and folder by its folded path. */
  readonly #taken = new Map<string, { readonly path: string; readonly isFile: boolean }>();

  add(path: string, isFile: boolean): BadBundle | undefined {
    const why = whyUnsafe(path);
    if (why !== undefined) return bad(`the name ${shown(path)} ${why}`);
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count += 1) {
      const here = parts.slice(0, count).join("/");
      const fileHere = isFile && count === parts.length;
      const before = this.#taken.get(folded(here));
      if (before === undefined) this.#taken.set(folded(here), { path: here, isFile: fileHere });
      else if (before.path !== here)
        return bad(`the names ${shown(before.path)} and ${shown(here)} are one on some systems`);
      else if (before.isFile || fileHere) return bad(`the name ${shown(here)} is there twice`);
    }
    return undefined;
  }
}
