import zlib from "node:zlib";
import { graphColoring } from "../../../tasks/graph-coloring/index.ts";
import { Random } from "../../../stats/Random.ts";
import { sudoku } from "../../../tasks/sudoku/index.ts";
import { graphParams, imageParams, sudokuParams } from "../params.ts";

/** Pictures of both tasks and layouts, in several sizes, colour and grey, with and without distortion. */
export const pictures = (): ReadonlyArray<Buffer> => {
  const images = [
    {},
    { color: false },
    { size: 64, color: false, jitter: 0.1, rotation: 14, noise: 0.2 },
    { size: 333, jitter: 0.3, rotation: 180, noise: 0.05 },
  ].map(imageParams);
  return images.flatMap((image, i) => {
    const random = Random.of("picture", i);
    const circular = graphParams({ vertices: 6 + i });
    const force = graphParams({ vertices: 6 + i, layout: "force" });
    const puzzles = sudokuParams({ size: [9, 4, 6, 9][i], blanks: 8 });
    return [
      graphColoring.draw(graphColoring.generate(circular, random), circular, image, random),
      graphColoring.draw(graphColoring.generate(force, random), force, image, random),
      sudoku.draw(sudoku.generate(puzzles, random), puzzles, image, random),
    ];
  });
};

export interface Decoded {
  readonly size: number;
  readonly colorType: number;
  /** Rows of samples, as stored. */
  readonly samples: Uint8Array;
  readonly palette: Uint8Array | undefined;
}

/** Decodes the encoder's PNGs: one IDAT, no filters. */
export const decodePng = (png: Buffer): Decoded => {
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    chunks.set(
      png.toString("latin1", at + 4, at + 8),
      png.subarray(at + 8, at + 8 + png.readUInt32BE(at)),
    );
  }
  const header = chunks.get("IHDR")!;
  const size = header.readUInt32BE(0);
  const rows = zlib.inflateSync(chunks.get("IDAT")!);
  const stride = rows.length / size;
  const samples = new Uint8Array((stride - 1) * size);
  for (let y = 0; y < size; y++) {
    if (rows[y * stride] !== 0) throw new Error("a filtered row");
    samples.set(rows.subarray(y * stride + 1, (y + 1) * stride), y * (stride - 1));
  }
  return { size, colorType: header[9]!, samples, palette: chunks.get("PLTE") };
};
