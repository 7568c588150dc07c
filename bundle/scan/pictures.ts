/** What pictures say beside what they show. They lie in Parquet files and in archives too, so they are looked for everywhere. */
import zlib from "node:zlib";
import { limit, unpacked, type Member } from "./Member.ts";

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Chunks and segments are texts of their own: what stands beside them, a checksum or a length, may look like a letter. */
export const pictureTexts = (bytes: Uint8Array): ReadonlyArray<Member> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return [...pngTexts(buffer), ...jpegTexts(buffer), ...gifTexts(buffer)];
};

const pngTexts = (bytes: Buffer): ReadonlyArray<Member> => {
  const members: Array<Member> = [];
  for (let at = bytes.indexOf(pngSignature); at >= 0; at = bytes.indexOf(pngSignature, at)) {
    at += pngSignature.length;
    while (at + 8 <= bytes.length) {
      const length = bytes.readUInt32BE(at);
      const type = bytes.toString("latin1", at + 4, at + 8);
      if (length > bytes.length - at - 8 || !/^[A-Za-z]{4}$/.test(type)) break;
      const data = bytes.subarray(at + 8, at + 8 + length);
      const place = `PNG ${type} at byte ${at}`;
      // Those that the picture itself is made of begin with a capital.
      if (/^[a-z]/.test(type)) members.push({ place, content: data, plain: "text" });
      const packed = packedText(type, data);
      if (packed !== undefined) {
        members.push({
          place,
          content: unpacked(`a PNG's ${type}`, () => zlib.inflateSync(packed, limit)),
          from: at + 8 + length - packed.length,
        });
      }
      at += length + 12;
      if (type === "IEND") break;
    }
  }
  return members;
};

/** keyword, 0, method, data; in iTXt keyword, 0, packed?, method, language, 0, translated keyword, 0, data. */
const packedText = (type: string, data: Buffer): Buffer | undefined => {
  const keywordEnd = data.indexOf(0);
  if (keywordEnd < 0) return undefined;
  if (type === "zTXt" || type === "iCCP") return data.subarray(keywordEnd + 2);
  if (type !== "iTXt" || data[keywordEnd + 1] !== 1) return undefined;
  const languageEnd = data.indexOf(0, keywordEnd + 3);
  const translatedEnd = data.indexOf(0, languageEnd + 1);
  return languageEnd < 0 || translatedEnd < 0 ? undefined : data.subarray(translatedEnd + 1);
};

const jpegStart = Buffer.from([0xff, 0xd8, 0xff]);

/** Segments up to where the picture itself begins. */
const jpegTexts = (bytes: Buffer): ReadonlyArray<Member> => {
  const members: Array<Member> = [];
  for (let at = bytes.indexOf(jpegStart); at >= 0; at = bytes.indexOf(jpegStart, at)) {
    at += 2;
    while (at + 4 <= bytes.length && bytes[at] === 0xff) {
      const marker = bytes[at + 1]!;
      const length = bytes.readUInt16BE(at + 2);
      if (marker === 0xda || length < 2 || at + 2 + length > bytes.length) break;
      const isText = marker === 0xfe || (marker >= 0xe0 && marker < 0xf0);
      const content = bytes.subarray(at + 4, at + 2 + length);
      if (isText) members.push({ place: `JPEG at byte ${at}`, content, plain: "text" });
      at += 2 + length;
    }
  }
  return members;
};

const gifComment = Buffer.from([0x21, 0xfe]);

/** A comment comes in blocks of at most 255 bytes, each behind its length: a word may begin in one and end in the next. */
const gifTexts = (bytes: Buffer): ReadonlyArray<Member> => {
  const members: Array<Member> = [];
  const start = bytes.indexOf("GIF8");
  if (start < 0) return members;
  for (let at = bytes.indexOf(gifComment, start); at >= 0; at = bytes.indexOf(gifComment, at + 2)) {
    const blocks: Array<Buffer> = [];
    let from = at + 2;
    for (; from < bytes.length && bytes[from]! > 0; from += 1 + bytes[from]!)
      blocks.push(bytes.subarray(from + 1, from + 1 + bytes[from]!));
    if (blocks.length < 2 || bytes[from] !== 0) continue;
    members.push({ place: `GIF at byte ${at}`, content: Buffer.concat(blocks), plain: "text" });
  }
  return members;
};
