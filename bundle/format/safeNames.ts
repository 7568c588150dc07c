/**
 * Checks names of untrusted files: on every operating system each must stay below the target folder, and no two may name the same
 * file.
 */
import { bad, type BadBundle } from "./BadBundle.ts";
import { limits } from "./format.ts";
import { printable } from "./printable.ts";

const segmentBytes = 255;

/** Device names of Windows, with any extension. */
const device = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:$|[. ])/iu;

// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u001F\u007F<>:"|?*\\\uFFFD]/u;

/** The reason to refuse a path, if any. */
export const whyUnsafe = (path: string): string | undefined => {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  if (!path.isWellFormed()) return "is not valid Unicode";
  if (Buffer.byteLength(path) > limits.pathBytes) return "is too long";
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") return "has an empty segment";
    if (segment === "..") return "leads outside the bundle";
    if (forbidden.test(segment)) return "has a character that some systems forbid";
    if (/[. ]$/u.test(segment)) return "has a segment that ends in a dot or a blank";
    if (device.test(segment)) return "is a device name of Windows";
    if (Buffer.byteLength(segment) > segmentBytes) return "has a segment that is too long";
  }
  return undefined;
};

/** Equal for names that some file system treats as one. */
const folded = (name: string): string =>
  name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");

/** Checks paths one by one, each against those before it. */
export class NameGuard {
  /** Files and folders by folded path. */
  readonly #known = new Map<string, { readonly path: string; readonly isFile: boolean }>();

  add(path: string, isFile: boolean): BadBundle | undefined {
    const why = whyUnsafe(path);
    if (why !== undefined) return bad(`the name ${printable(path)} ${why}`);
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count += 1) {
      const here = parts.slice(0, count).join("/");
      const fileHere = isFile && count === parts.length;
      const before = this.#known.get(folded(here));
      if (before === undefined) this.#known.set(folded(here), { path: here, isFile: fileHere });
      else if (before.path !== here)
        return bad(
          `the names ${printable(before.path)} and ${printable(here)} are the same file on some systems`,
        );
      else if (before.isFile || fileHere) return bad(`the name ${printable(here)} occurs twice`);
    }
    return undefined;
  }
}
