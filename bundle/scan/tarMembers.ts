/** Files in a tar archive, for the scan: it takes whatever is there, well-formed or not (`readTar.ts` is the strict one). */

export interface TarMember {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** Who owned the file where it was packed. */
  readonly owner: string;
}

const block = 512;

const text = (bytes: Uint8Array, from: number, length: number): string => {
  const field = Buffer.from(bytes.buffer, bytes.byteOffset + from, length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
};

const isHeader = (bytes: Uint8Array, at: number): boolean => {
  if (at + block > bytes.length) return false;
  let sum = 0;
  for (let i = 0; i < block; i += 1) sum += i >= 148 && i < 156 ? 32 : bytes[at + i]!;
  return Number.parseInt(text(bytes, at + 148, 8).trim(), 8) === sum;
};

export const isTar = (bytes: Uint8Array): boolean => isHeader(bytes, 0);

/** Those in a row from the start. */
export const tarMembers = (bytes: Uint8Array): ReadonlyArray<TarMember> => {
  const members: Array<TarMember> = [];
  let at = 0;
  while (isHeader(bytes, at)) {
    const size = Number.parseInt(text(bytes, at + 124, 12).trim() || "0", 8);
    const from = at + block;
    const to = from + size;
    if (!(to <= bytes.length)) break;
    members.push({
      name: text(bytes, at, 100),
      from,
      to,
      owner: [text(bytes, at + 265, 32), text(bytes, at + 297, 32)]
        .filter((name) => name !== "")
        .join(":"),
    });
    at = from + Math.ceil(size / block) * block;
  }
  return members;
};
