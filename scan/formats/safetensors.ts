/** Weights in the safetensors format: a length of 8 bytes, a JSON header of that length, and tensors. Tensors are not scanned. */

const lengthBytes = 8;
const mostOfHeader = 100_000_000;

/** The header's length, where the first bytes of a file are those of safetensors. */
export const headerLength = (bytes: Uint8Array): number | undefined => {
  if (bytes.length <= lengthBytes || bytes[lengthBytes] !== 0x7b) return undefined;
  const length = Number(Buffer.from(bytes.buffer, bytes.byteOffset, lengthBytes).readBigUInt64LE());
  return length >= 2 && length <= mostOfHeader ? lengthBytes + length : undefined;
};

export const isSafetensors = (bytes: Uint8Array): boolean =>
  (headerLength(bytes) ?? Number.POSITIVE_INFINITY) <= bytes.length;

/** The header of a file that begins with `bytes`, and where its last tensor ends; that is NaN where the header is damaged. */
export const readHeader = (
  bytes: Uint8Array,
): { readonly text: Uint8Array; readonly end: number } => {
  const from = headerLength(bytes) ?? bytes.length;
  const text = bytes.subarray(lengthBytes, from);
  try {
    const { __metadata__: _, ...tensors } = JSON.parse(
      Buffer.from(text).toString("utf8"),
    ) as Record<string, { readonly data_offsets: readonly [number, number] }>;
    const ends = Object.values(tensors).map(({ data_offsets: [, to] }) => to);
    return { text, end: from + Math.max(0, ...ends) };
  } catch {
    return { text, end: Number.NaN };
  }
};
