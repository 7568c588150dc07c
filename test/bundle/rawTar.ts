/** Tar archives that no decent program writes. */

export interface RawEntry {
  readonly name: string;
  /** `0` a file, `5` a folder, `2` a link, … */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  /** The size that the header states, where it is not the true one. */
  readonly size?: number;
  readonly link?: string;
  readonly magic?: string;
}

const block = 512;

/** `ends` blocks of zeros at the end: two make an end. */
export const rawTar = (entries: ReadonlyArray<RawEntry>, ends = 2): Buffer =>
  Buffer.concat([...entries.map(rawEntry), Buffer.alloc(ends * block)]);

export const rawEntry = ({
  name,
  type = "0",
  content = "",
  size,
  link = "",
  magic = "ustar\u000000",
}: RawEntry): Buffer => {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(block);
  header.write(name, 0, 100, "utf8");
  header.write("0000644\0", 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  header.write(`${(size ?? bytes.length).toString(8).padStart(11, "0")}\0`, 124, "latin1");
  header.write("00000000000\0", 136, "latin1");
  header.write(type, 156, "latin1");
  header.write(link, 157, 100, "utf8");
  header.write(magic, 257, "latin1");
  return Buffer.concat([
    sealed(header),
    bytes,
    Buffer.alloc((block - (bytes.length % block)) % block),
  ]);
};

/** With the checksum that fits. */
export const sealed = (header: Buffer): Buffer => {
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
};

/** A pax header with these records. */
export const pax = (records: Readonly<Record<string, string>>): RawEntry => ({
  name: "pax",
  type: "x",
  content: Object.entries(records)
    .map(([keyword, value]) => paxRecord(keyword, value))
    .join(""),
});

const paxRecord = (keyword: string, value: string): string => {
  const rest = ` ${keyword}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + 1;
  while (String(length).length + bytes !== length) length += 1;
  return `${length}${rest}`;
};
