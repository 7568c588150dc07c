/**
 * Opens an untrusted bundle: unpacks an archive below a target folder, or lists a directory. Names that lead outside or collide, special
 * files and endless content are refused. Nothing in the bundle is run.
 */
import { Effect } from "effect";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { bad, BadBundle } from "./BadBundle.ts";
import { limits } from "./format.ts";
import { readTar, type TarFile } from "./readTar.ts";
import { NameGuard } from "./safeNames.ts";
import { printable } from "./printable.ts";

export interface BundleFile {
  readonly size: number;
  readonly executable: boolean;
}

export interface OpenBundle {
  /** The name of the top folder, and its absolute path. */
  readonly top: string;
  readonly directory: string;
  /** From an archive, which keeps names and modes. */
  readonly isArchive: boolean;
  /** Every file, by its path below the top folder, in code-unit order. */
  readonly files: ReadonlyMap<string, BundleFile>;
  /** Throws `BadBundle` if the file is missing or too large. */
  readonly read: (file: string) => Buffer;
}

/** `target` is missing or empty; archives are unpacked there. */
export const openBundle = (bundle: string, target: string): Effect.Effect<OpenBundle, BadBundle> =>
  Effect.tryPromise({
    try: () => open(path.resolve(bundle), path.resolve(target)),
    catch: (error) =>
      error instanceof BadBundle
        ? error
        : bad(`the bundle can't be opened: ${(error as Error).message}`),
  });

const open = async (bundle: string, target: string): Promise<OpenBundle> => {
  const stat = fs.statSync(bundle, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new BadBundle({
      message: `no bundle at ${bundle}`,
      fix: "name the archive or folder of a bundle",
    });
  if (stat.isDirectory()) return opened(bundle, false, checkBag(filesBelow(bundle)));
  if (!stat.isFile()) throw bad(`${bundle} is neither a file nor a folder`);
  const { top, files } = await unpack(bundle, stat.size, target);
  return opened(path.join(target, top), true, files);
};

/** The longest text that fits into a string, with some margin. */
const mostReadBytes = 400_000_000;

const opened = (
  directory: string,
  isArchive: boolean,
  found: ReadonlyMap<string, BundleFile>,
): OpenBundle => {
  const files = new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
  return {
    top: path.basename(directory),
    directory,
    isArchive,
    files,
    read: (file) => {
      const size = files.get(file)?.size;
      if (size === undefined) throw bad(`${printable(file)} is missing`);
      if (size > mostReadBytes) throw bad(`${printable(file)} is too large to read`);
      return fs.readFileSync(path.join(directory, file));
    },
  };
};

const checkBag = (files: ReadonlyMap<string, BundleFile>): ReadonlyMap<string, BundleFile> => {
  if (!files.has("bagit.txt")) throw bad("not a bundle: its top folder has no bagit.txt");
  return files;
};

/** Bounds the number and the size of files, declared or read. */
class Budget {
  #files = 0;
  #bytes = 0;

  add(size: number): void {
    this.#files += 1;
    this.#bytes += size;
    if (this.#files > limits.files) throw bad(`the bundle has more than ${limits.files} files`);
    if (this.#bytes > limits.unpackedBytes)
      throw bad(`the bundle unpacks to more than ${limits.unpackedBytes} bytes`);
  }
}

const filesBelow = (directory: string): ReadonlyMap<string, BundleFile> => {
  const files = new Map<string, BundleFile>();
  const budget = new Budget();
  const names = new NameGuard();
  const visit = (folder: string): void => {
    for (const entry of fs.readdirSync(path.join(directory, folder), { withFileTypes: true })) {
      const inner = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const refused = names.add(inner, !entry.isDirectory());
      if (refused !== undefined) throw refused;
      if (entry.isDirectory()) {
        visit(inner);
        continue;
      }
      if (!entry.isFile()) throw bad(`${printable(inner)} is neither a file nor a folder`);
      const { size, mode } = fs.lstatSync(path.join(directory, inner));
      budget.add(size);
      files.set(inner, { size, executable: (mode & 0o100) !== 0 });
    }
  };
  visit("");
  return files;
};

const unpack = async (archive: string, archiveBytes: number, target: string) => {
  const unpacking = new Unpacking(target);
  const bytes = fs.createReadStream(archive, { highWaterMark: 1 << 18 });
  try {
    await readTar(isPacked(archive) ? gunzipped(bytes, archiveBytes) : bytes, unpacking);
    return unpacking.finished();
  } catch (error) {
    unpacking.abandon();
    throw error;
  } finally {
    bytes.destroy();
  }
};

const isPacked = (archive: string): boolean => {
  const magic = Buffer.alloc(2);
  const descriptor = fs.openSync(archive, "r");
  fs.readSync(descriptor, magic, 0, 2, 0);
  fs.closeSync(descriptor);
  return magic[0] === 0x1f && magic[1] === 0x8b;
};

/** Repetitive text compresses to 1 % at best, a decompression bomb to 0.1 %. */
const mostRatio = 250;
const ratioCountsFrom = 10_000_000;

const gunzipped = async function* (
  packed: fs.ReadStream,
  packedBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const gunzip = zlib.createGunzip({ chunkSize: 1 << 18 });
  packed.once("error", (error) => gunzip.destroy(error));
  packed.pipe(gunzip);
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > ratioCountsFrom && bytes > mostRatio * packedBytes)
        throw bad(`the archive unpacks to more than ${mostRatio} times its size`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof BadBundle) throw error;
    throw bad(`the archive is damaged: ${(error as Error).message}`);
  }
  if (gunzip.bytesWritten !== packedBytes) throw bad("extra bytes follow the archive");
};

/** Writes checked files below the target; never opens an existing file. */
class Unpacking {
  readonly #target: string;
  readonly #files = new Map<string, BundleFile>();
  readonly #names = new NameGuard();
  readonly #folders = new Set<string>();
  readonly #budget = new Budget();
  #top: string | undefined;
  #writing: number | undefined;

  constructor(target: string) {
    this.#target = target;
    fs.mkdirSync(target, { recursive: true, mode: 0o700 });
    if (fs.readdirSync(target).length > 0)
      throw new BadBundle({ message: `${target} is not empty`, fix: "name a new folder" });
  }

  folder(name: string): void {
    this.#take(name, false);
    this.#makeFolder(name);
  }

  file({ path: name, size, executable }: TarFile) {
    this.#take(name, true);
    this.#budget.add(size);
    this.#makeFolder(path.posix.dirname(name));
    const mode = executable ? 0o755 : 0o644;
    const descriptor = fs.openSync(path.join(this.#target, name), "wx", mode);
    this.#writing = descriptor;
    this.#files.set(name.slice(name.indexOf("/") + 1), { size, executable });
    return {
      write: (bytes: Uint8Array) => {
        for (let at = 0; at < bytes.length;) at += fs.writeSync(descriptor, bytes, at);
      },
      end: () => this.#close(),
    };
  }

  finished() {
    if (this.#top === undefined) throw bad("the archive is empty");
    const holding = new Set<string>();
    for (const file of this.#files.keys())
      for (let at = file.lastIndexOf("/"); at !== -1; at = file.lastIndexOf("/", at - 1))
        holding.add(`${this.#top}/${file.slice(0, at)}`);
    for (const folder of this.#folders)
      if (folder !== this.#top && !holding.has(folder)) throw bad(`${printable(folder)} is empty`);
    return { top: this.#top, files: checkBag(this.#files) };
  }

  /** Removes what was unpacked so far. */
  abandon(): void {
    this.#close();
    fs.rmSync(this.#target, { recursive: true, force: true });
  }

  #close(): void {
    if (this.#writing !== undefined) fs.closeSync(this.#writing);
    this.#writing = undefined;
  }

  #take(name: string, isFile: boolean): void {
    const refused = this.#names.add(name, isFile);
    if (refused !== undefined) throw refused;
    const [top, ...rest] = name.split("/");
    this.#top ??= top;
    if (top !== this.#top || (isFile && rest.length === 0))
      throw bad(`${printable(name)} is outside the top folder`);
  }

  #makeFolder(name: string): void {
    if (this.#folders.has(name)) return;
    if (this.#folders.size >= limits.files)
      throw bad(`the bundle has more than ${limits.files} folders`);
    fs.mkdirSync(path.join(this.#target, name), { recursive: true });
    this.#folders.add(name);
  }
}
