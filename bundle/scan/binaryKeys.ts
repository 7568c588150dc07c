/** Where private keys stand as they are, in DER: no text, but each begins with the same bytes, its version and its algorithm. */

const beginnings: ReadonlyArray<Buffer> = [
  "0201" + "00300d06092a864886f70d0101010500" + "04", // PKCS#8, RSA
  "0201" + "00301306072a8648ce3d0201", // PKCS#8, elliptic curves
  "0201" + "00300506032b6570" + "0422", // PKCS#8, Ed25519
  "0201" + "00300506032b656e" + "0422", // PKCS#8, X25519
].map((hex) => Buffer.from(hex, "hex"));

export const binaryKeys = (bytes: Uint8Array): ReadonlyArray<number> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: Array<number> = [];
  for (const beginning of beginnings) {
    for (let at = buffer.indexOf(beginning); at >= 0; at = buffer.indexOf(beginning, at + 1))
      found.push(at);
  }
  return found;
};
