/**
 * Reads the tar archives of bundles: POSIX ustar with files, folders and pax headers for long names and sizes. Everything else that tar
 * archives can hold is refused.
 */
import { bad } from "./BadBundle.ts";
import { printable } from "./printable.ts";

const block = 512;
/** Enough for a path and a size. */
const mostPaxBytes = 16 * 1024;

export interface TarFile {
  readonly path: string;
  readonly size: number;
  readonly executable: boolean;
}

/** Called in the archive's order; may throw to refuse an entry. */
export interface TarVisitor {
  readonly folder: (path: string) => void;
  /** Called before the file is read; the result receives the bytes and the end. */
  readonly file: (file: TarFile) => { write: (bytes: Uint8Array) => void; end: () => void };
}

/** Throws `BadBundle` and the errors of the visitor. */
export const readTar = async (
  chunks: AsyncIterable<Uint8Array>,
  visitor: TarVisitor,
): Promise<void> => {
  const bytes = new Bytes(chunks);
  let pax: Pax = {};
  for (;;) {
    const header = await bytes.take(block);
    if (header.every((byte) => byte === 0)) break;
    const { name, size, type, executable } = readHeader(header);
    if (type === "x") {
      if (pax.path !== undefined || pax.size !== undefined)
        throw bad("two extended headers precede one file of the archive");
      pax = readPax(await bytes.padded(size, mostPaxBytes));
      continue;
    }
    const path = pax.path ?? name;
    const length = pax.size ?? size;
    pax = {};
    if (type === "5") {
      if (length !== 0) throw bad(`the folder ${printable(path)} has a size`);
      visitor.folder(path.replace(/\/$/u, ""));
    } else if (type === "0" || type === "\0") {
      const sink = visitor.file({ path, size: length, executable });
      await bytes.pass(length, (part) => sink.write(part));
      sink.end();
      await bytes.take((block - (length % block)) % block);
    } else
      throw bad(`${printable(path)} is neither a file nor a folder (tar type ${printable(type)})`);
  }
  if (pax.path !== undefined || pax.size !== undefined)
    throw bad("the archive ends after an extended header");
  const second = await bytes.take(block);
  if (!second.every((byte) => byte === 0)) throw bad("the archive continues after its end");
  await bytes.onlyZeros();
};

const readHeader = (header: Uint8Array) => {
  let sum = 0;
  for (let at = 0; at < block; at += 1) sum += at >= 148 && at < 156 ? 0x20 : header[at]!;
  if (octal(header, 148, 8) !== sum) throw bad("a header of the archive is damaged");
  const magic = Buffer.from(header.subarray(257, 265)).toString("latin1");
  if (magic !== "ustar\u000000") throw bad("the archive is not a POSIX tar (ustar or pax)");
  const prefix = textAt(header, 345, 155);
  const name = textAt(header, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: octal(header, 124, 12),
    type: String.fromCharCode(header[156]!),
    executable: (octal(header, 100, 8) & 0o100) !== 0,
  };
};

const octal = (header: Uint8Array, at: number, length: number): number => {
  const text = Buffer.from(header.subarray(at, at + length)).toString("latin1");
  const digits = /^ *([0-7]+)[ \0]*$/u.exec(text)?.[1];
  if (digits === undefined) throw bad("a number in a header of the archive can't be read");
  return Number.parseInt(digits, 8);
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const decoded = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes);
  } catch {
    throw bad("a name in the archive is not UTF-8");
  }
};

const textAt = (header: Uint8Array, at: number, length: number): string => {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return decoded(end === -1 ? field : field.subarray(0, end));
};

interface Pax {
  readonly path?: string;
  readonly size?: number;
}

/** Records `LENGTH KEYWORD=VALUE\n` with the keywords `path` and `size`. */
const readPax = (bytes: Uint8Array): Pax => {
  const read: { path?: string; size?: number } = {};
  for (let rest = bytes; rest.length > 0;) {
    const blank = rest.indexOf(0x20);
    const digits = decoded(rest.subarray(0, Math.max(0, blank)));
    const length = /^[1-9]\d{0,5}$/u.test(digits) ? Number(digits) : 0;
    const record = decoded(rest.subarray(blank + 1, length));
    const equals = record.indexOf("=");
    if (length > rest.length || equals < 1 || !record.endsWith("\n"))
      throw bad("an extended header of the archive can't be read");
    const [keyword, value] = [record.slice(0, equals), record.slice(equals + 1, -1)];
    if (Object.hasOwn(read, keyword))
      throw bad(`an extended header repeats the keyword ${printable(keyword)}`);
    if (keyword === "path") read.path = value;
    else if (keyword === "size" && /^\d{1,15}$/u.test(value)) read.size = Number(value);
    else throw bad(`an extended header of the archive has the keyword ${printable(keyword)}`);
    rest = rest.subarray(length);
  }
  return read;
};

/** A stream of bytes, read in the pieces that the format requires. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Exactly `count` bytes. */
  async take(count: number): Promise<Uint8Array> {
    const taken = new Uint8Array(count);
    let at = 0;
    await this.pass(count, (part) => {
      taken.set(part, at);
      at += part.length;
    });
    return taken;
  }

  /** The bytes of a small header, without the padding of its last block. */
  async padded(size: number, most: number): Promise<Uint8Array> {
    if (size > most) throw bad("an extended header of the archive is too long");
    const taken = await this.take(Math.ceil(size / block) * block);
    return taken.subarray(0, size);
  }

  async pass(count: number, sink: (part: Uint8Array) => void): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#held.length === 0 && !(await this.#more())) throw bad("the archive is cut short");
      const part = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(part.length);
      left -= part.length;
      sink(part);
    }
  }

  async onlyZeros(): Promise<void> {
    do {
      if (this.#held.some((byte) => byte !== 0)) throw bad("the archive continues after its end");
    } while (await this.#more());
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) return false;
    this.#held = next.value;
    return true;
  }
}
