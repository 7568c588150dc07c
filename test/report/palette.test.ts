/** The colours of figures are told apart by colour-blind readers, and their names can be read. */
import { assert, describe, it } from "@effect/vitest";
import fs from "node:fs";
import path from "node:path";
import { pagePalette } from "../../report/figures/draw.ts";
import { root } from "../../schemas/root.ts";

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** Linear sRGB as eyes of each kind see it: Machado, Oliveira and Fernandes 2009, severity 1. */
const eyes: Readonly<Record<string, Matrix>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  "red-blind": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "green-blind": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "blue-blind": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** Least distances in Oklab. Two blues were .06 apart, and a brown .007 from the orange for red-blind eyes. */
const least = { usual: 0.1, others: 0.07 };

/** The least contrast of letters with their page (WCAG 2, level AA). */
const leastContrast = 4.5;

const times = (matrix: Matrix, [x, y, z]: Triple): Triple => {
  const [first, second, third] = matrix.map(([a, b, c]) => a * x + b * y + c * z);
  return [first!, second!, third!];
};

const linear = (hex: string): Triple => {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return [red!, green!, blue!];
};

/** Ottosson 2020. */
const oklab = (colour: Triple): Triple => {
  const [long, medium, short] = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour,
  );
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    [Math.cbrt(long), Math.cbrt(medium), Math.cbrt(short)],
  );
};

const luminance = (hex: string): number => {
  const [red, green, blue] = linear(hex);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (one: string, other: string): number => {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted(
    (first, second) => first - second,
  );
  return (high + 0.05) / (low + 0.05);
};

const [light = "", dark = ""] = fs
  .readFileSync(path.join(root, "report/page/style.css"), "utf8")
  .split("@media (prefers-color-scheme: dark)");

for (const [scheme, style] of Object.entries({ light, dark })) {
  const valueOf = (name: string): string => {
    const [, value = name] = new RegExp(`${name}: (#[\\da-f]+);`, "u").exec(style) ?? [];
    return value === "#fff" ? "#ffffff" : value;
  };
  const palette = pagePalette.map((colour) => valueOf(colour.slice("var(".length, -1)));

  describe(`the palette on a ${scheme} page`, () => {
    for (const [kind, matrix] of Object.entries(eyes))
      it(`differs for ${kind} eyes`, () => {
        const seen = palette.map((hex) => {
          const [red, green, blue] = times(matrix, linear(hex)).map((value) =>
            Math.min(1, Math.max(0, value)),
          );
          return oklab([red!, green!, blue!]);
        });
        for (const [index, one] of seen.entries())
          for (const [after, other] of seen.slice(index + 1).entries())
            assert.isAtLeast(
              Math.hypot(...one.map((value, axis) => value - other[axis]!)),
              kind === "usual" ? least.usual : least.others,
              `${palette[index]} and ${palette[index + 1 + after]}`,
            );
      });

    it("has letters that can be read", () => {
      for (const hex of palette)
        assert.isAtLeast(contrast(hex, valueOf("--page")), leastContrast, hex);
    });
  });
}
