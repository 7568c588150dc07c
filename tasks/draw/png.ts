import zlib from "node:zlib";

/** The format of a pixel: one grey byte, one index into a palette of RGB triples, or three bytes. */
export type PixelFormat =
  | { readonly kind: "gray" }
  | { readonly kind: "palette"; readonly rgb: Uint8Array }
  | { readonly kind: "rgb" };

const colorType = { gray: 0, rgb: 2, palette: 3 } as const;

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const chunk = (type: string, data: Uint8Array): Buffer => {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  out.set(data, 8);
  out.writeUInt32BE(zlib.crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
};

const header = (size: number, format: PixelFormat): Buffer => {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(size, 0);
  data.writeUInt32BE(size, 4);
  data[8] = 8;
  data[9] = colorType[format.kind];
  return chunk("IHDR", data);
};

/** The repetitions in a picture: rows like the ones above, runs within a row, or none. */
export type Texture = "rows" | "runs" | "noise";

// Searching for absent repetitions takes most of a picture's time: the right strategy halves it.
const strategies: Readonly<Record<Texture, number>> = {
  rows: zlib.constants.Z_DEFAULT_STRATEGY,
  runs: zlib.constants.Z_RLE,
  noise: zlib.constants.Z_HUFFMAN_ONLY,
};

/** A square PNG, 8 bits a sample, rows unfiltered, as flat line art deflates best without filters. */
export const encodePng = (
  size: number,
  samples: Uint8Array,
  format: PixelFormat,
  texture: Texture,
): Buffer => {
  const stride = samples.length / size;
  const rows = new Uint8Array((stride + 1) * size);
  for (let y = 0; y < size; y++)
    rows.set(samples.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  // One output chunk nearly always suffices, which saves joining several.
  const chunkSize = Math.max(1024, texture === "noise" ? rows.length + 1024 : rows.length >> 2);
  const data = zlib.deflateSync(rows, { level: 3, strategy: strategies[texture], chunkSize });
  const palette = format.kind === "palette" ? [chunk("PLTE", format.rgb)] : [];
  return Buffer.concat([
    signature,
    header(size, format),
    ...palette,
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ]);
};
