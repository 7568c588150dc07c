import { hash } from "node:crypto";
import { once } from "node:events";
import zlib from "node:zlib";
import { Worker } from "node:worker_threads";
import { assert, describe, it } from "@effect/vitest";
import { ink } from "../../../tasks/draw/Image.ts";
import { Raster } from "../../../tasks/draw/Raster.ts";
import { drawDigits, heightInEms } from "../../../tasks/draw/text.ts";
import { graphColoring } from "../../../tasks/graph-coloring/index.ts";
import type { Graph } from "../../../tasks/graph-coloring/Graph.ts";
import { Random } from "../../../stats/Random.ts";
import { sudoku } from "../../../tasks/sudoku/index.ts";
import { graphParams, imageParams, sudokuParams } from "../params.ts";
import { decodePng, pictures } from "./pictures.ts";

const two: Graph = { v: 2, c: 2, edges: [[0, 1]] };
const drawTwo = (fields: object, seed = 0, graph = two) =>
  graphColoring.draw(graph, graphParams({ vertices: 2 }), imageParams(fields), Random.of(seed));

describe("pictures", () => {
  it("have equal bytes in every run and in workers", async () => {
    const here = pictures().map((png) => png.toString("base64"));
    assert.deepStrictEqual(
      pictures().map((png) => png.toString("base64")),
      here,
    );
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { execArgv: [] });
    const [there] = await once(worker, "message");
    assert.deepStrictEqual(there, here);
  });

  it("have the golden pixels", () => {
    // Pixels rather than bytes, as versions of zlib compress differently.
    const pixels = pictures().map((png) => decodePng(png).samples);
    assert.strictEqual(
      hash("sha256", Buffer.concat(pixels)),
      "db2977ccb4137cea12a4c820af470835787776b985a4e01b4d8f3cf00de3aa69",
    );
  });

  it("are well-formed PNGs of the right size", () => {
    for (const size of [16, 64, 500, 2048]) {
      const png = drawTwo({ size });
      assert.strictEqual(decodePng(png).size, size);
      for (let at = 8; at < png.length;) {
        const length = png.readUInt32BE(at);
        assert.strictEqual(
          png.readUInt32BE(at + 8 + length),
          zlib.crc32(png.subarray(at + 4, at + 8 + length)),
        );
        at += 12 + length;
      }
    }
  });

  it("are grey, palette colour, or RGB for colour with noise", () => {
    const colorType = (fields: object) => decodePng(drawTwo({ size: 64, ...fields })).colorType;
    assert.strictEqual(colorType({ color: false }), 0);
    assert.strictEqual(colorType({ color: false, noise: 0.1 }), 0);
    assert.strictEqual(colorType({ color: true }), 3);
    assert.strictEqual(colorType({ color: true, noise: 0.1 }), 2);
  });

  it("depend on the random stream only with a distortion", () => {
    const same = (fields: object) => drawTwo(fields, 1).equals(drawTwo(fields, 2));
    assert.isTrue(same({ size: 64 }));
    for (const distortion of [{ jitter: 0.1 }, { rotation: 20 }, { noise: 0.1 }])
      assert.isFalse(same({ size: 64, ...distortion }));
  });

  it("have noise of the right standard deviation, clipped at white", () => {
    const clean = decodePng(drawTwo({ size: 512, color: false })).samples;
    const noisy = decodePng(drawTwo({ size: 512, color: false, noise: 0.1 })).samples;
    // The vertices' grey, 222, is 1.3 deviations below white, so clipping spares the values below the median.
    const below = [...noisy]
      .filter((level, i) => clean[i] === ink.face && level < ink.face)
      .map((level) => (level - ink.face) ** 2);
    const deviation = Math.sqrt(below.reduce((sum, square) => sum + square, 0) / below.length);
    assert.closeTo(deviation / 255, 0.1, 0.005);
    const paper = noisy.filter((_, i) => clean[i] === ink.paper);
    assert.closeTo(paper.filter((level) => level === 255).length / paper.length, 0.5, 0.02);
  });

  it("show every edge and no other", () => {
    const params = graphParams({ vertices: 7 });
    for (let i = 0; i < 20; i++) {
      const graph = graphColoring.generate(params, Random.of("edges", i));
      const { size, samples } = decodePng(
        graphColoring.draw(graph, params, imageParams({ size: 400, color: false }), Random.of(0)),
      );
      const point = (vertex: number) =>
        [
          200 + 160 * Math.sin((2 * Math.PI * vertex) / 7),
          200 - 160 * Math.cos((2 * Math.PI * vertex) / 7),
        ] as const;
      for (let a = 0; a < 7; a++) {
        for (let b = a + 1; b < 7; b++) {
          const [[ax, ay], [bx, by]] = [point(a), point(b)];
          let dark = 0;
          for (let t = 0.3; t <= 0.7; t += 0.01) {
            if (
              samples[Math.floor(ay + t * (by - ay)) * size + Math.floor(ax + t * (bx - ax))]! < 200
            )
              dark++;
          }
          const drawn = graph.edges.some(([p, q]) => p === a && q === b);
          assert.strictEqual(
            dark >= 40,
            drawn,
            `${a}-${b} of ${JSON.stringify(graph.edges)}: ${dark}`,
          );
        }
      }
    }
  });

  it.each(["empty", "zero"])("show a digit in every given cell and blank cells as %s", (blank) => {
    const params = sudokuParams({ size: 9, blanks: 40, blank_cells: blank });
    const grid = sudoku.generate(params, Random.of("cells"));
    const { samples } = decodePng(
      sudoku.draw(grid, params, imageParams({ size: 512, color: false }), Random.of(0)),
    );
    // A grid of 512 pixels has cells of 50 pixels from 31.
    const cell = (r: number, c: number) => {
      const dark: Array<number> = [];
      for (let y = 6; y < 44; y++)
        for (let x = 6; x < 44; x++)
          if (samples[(31 + r * 50 + y) * 512 + 31 + c * 50 + x]! < 128) dark.push(y * 38 + x);
      return dark;
    };
    const blanks: Array<string> = [];
    grid.forEach((row, r) =>
      row.forEach((digit, c) => {
        assert.strictEqual(cell(r, c).length > 50, digit !== 0 || blank === "zero");
        if (digit === 0) blanks.push(cell(r, c).join());
      }),
    );
    assert.strictEqual(new Set(blanks).size, 1, "all blank cells look the same");
  });
});

/** The darkness of a raster, in pixels of black on white. */
const paint = (raster: Raster) =>
  raster.pixels.reduce((sum, level) => sum + (255 - level) / 255, 0);

describe("Raster", () => {
  it("paints the area of a disc and of a line at any position", () => {
    for (const shift of [0, 0.25, 0.5, 0.9]) {
      const disc = new Raster(64, 255);
      disc.disc(30 + shift, 31 - shift, 12.3, 0);
      assert.closeTo(paint(disc), Math.PI * 12.3 ** 2, 1.5);
      for (const [x, y] of [
        [0, 40],
        [40, 0],
        [30, 20],
        [5, 40],
        [-30, 25],
      ] as const) {
        const line = new Raster(100, 255);
        line.line(45 + shift, 30 + shift, 45 + x + shift, 30 + y + shift, 3, 0);
        const length = Math.hypot(x, y);
        assert.closeTo(paint(line) / (3 * length + Math.PI * 1.5 ** 2), 1, 0.02);
      }
    }
  });

  it("clips shapes at the border", () => {
    const raster = new Raster(20, 255);
    raster.disc(0, 0, 10, 0);
    raster.line(-50, 15, 70, 15, 2, 0);
    drawDigits(raster, "8", 20, 20, 20, 0);
    assert.isAbove(paint(raster), 100);
  });

  it("draws digits centred, at the right height, and rotated without loss of area", () => {
    const digit = (text: string, angle: number) => {
      const raster = new Raster(100, 255);
      drawDigits(raster, text, 50, 50, 40 / heightInEms, 0, angle);
      return raster;
    };
    const rows = (raster: Raster) =>
      Array.from({ length: 100 }, (_, y) => y).filter((y) =>
        raster.pixels.subarray(y * 100, y * 100 + 100).some((p) => p < 128),
      );
    assert.deepStrictEqual([rows(digit("1", 0))[0], rows(digit("1", 0)).at(-1)], [30, 69]);
    for (let n = 0; n <= 9; n++) {
      const upright = paint(digit(String(n), 0));
      assert.isAbove(upright, 150);
      assert.closeTo(paint(digit(String(n), 0.7)) / upright, 1, 0.02);
    }
    assert.closeTo(paint(digit("17", 0)), paint(digit("1", 0)) + paint(digit("7", 0)), 3);
  });
});
