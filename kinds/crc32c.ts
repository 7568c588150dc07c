/** CRC-32C (Castagnoli; RFC 3720, B.4), which `node:zlib` lacks: its `crc32` has another polynomial. */

/** The polynomial 0x1EDC6F41, bits reversed. */
const polynomial = 0x82_f6_3b_78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1)
    remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
  return remainder;
});

export const crc32c = (data: Uint8Array): number => {
  let remainder = ~0;
  for (const byte of data) remainder = table[(remainder ^ byte) & 0xff]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
};
