// Writes glyphs.ts: the outlines of the ten digits, taken from a DejaVu TrueType file.
//   npm install --prefix font dejavu-fonts-ttf@2.37.3
//   node tasks/draw/makeGlyphs.mjs font/node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf > tasks/draw/glyphs.ts
// Formats: "glyf", "loca", "cmap" (format 4) and "hmtx" of the OpenType specification.
import fs from "node:fs";

const font = fs.readFileSync(process.argv[2]);

const tables = new Map();
for (let i = 0; i < font.readUInt16BE(4); i++) {
  const at = 12 + 16 * i;
  tables.set(font.toString("latin1", at, at + 4), font.readUInt32BE(at + 8));
}
const table = (name) => tables.get(name);
const unitsPerEm = font.readUInt16BE(table("head") + 18);
const longOffsets = font.readInt16BE(table("head") + 50) === 1;
const longMetrics = font.readUInt16BE(table("hhea") + 34);

const glyphIndex = (code) => {
  const cmap = table("cmap");
  for (let i = 0; i < font.readUInt16BE(cmap + 2); i++) {
    const sub = cmap + font.readUInt32BE(cmap + 8 + 8 * i);
    if (font.readUInt16BE(sub) !== 4) continue;
    const segments = font.readUInt16BE(sub + 6) / 2;
    const ends = sub + 14;
    const starts = ends + 2 * segments + 2;
    const deltas = starts + 2 * segments;
    const ranges = deltas + 2 * segments;
    for (let s = 0; s < segments; s++) {
      const start = font.readUInt16BE(starts + 2 * s);
      if (code < start || code > font.readUInt16BE(ends + 2 * s)) continue;
      const delta = font.readInt16BE(deltas + 2 * s);
      const range = font.readUInt16BE(ranges + 2 * s);
      if (range === 0) return (code + delta) & 0xffff;
      return (font.readUInt16BE(ranges + 2 * s + range + 2 * (code - start)) + delta) & 0xffff;
    }
  }
  throw new Error(`no glyph for character ${code}`);
};

const glyphOffset = (index) => {
  const loca = table("loca");
  return (
    table("glyf") +
    (longOffsets ? font.readUInt32BE(loca + 4 * index) : 2 * font.readUInt16BE(loca + 2 * index))
  );
};

/** Contours of a simple glyph as lists of [x, y, on-curve] in font units, y upwards. */
const contours = (index) => {
  let at = glyphOffset(index);
  const count = font.readInt16BE(at);
  if (count < 0) throw new Error("composite glyphs are not handled");
  at += 10;
  const ends = Array.from({ length: count }, (_, i) => font.readUInt16BE(at + 2 * i));
  at += 2 * count;
  at += 2 + font.readUInt16BE(at);
  const points = ends.at(-1) + 1;
  const flags = [];
  while (flags.length < points) {
    const flag = font[at++];
    flags.push(flag);
    if (flag & 8) for (let n = font[at++]; n > 0; n--) flags.push(flag);
  }
  const axis = (short, same) => {
    let value = 0;
    return flags.map((flag) => {
      if (flag & short) value += flag & same ? font[at++] : -font[at++];
      else if (!(flag & same)) {
        value += font.readInt16BE(at);
        at += 2;
      }
      return value;
    });
  };
  const xs = axis(2, 16);
  const ys = axis(4, 32);
  let from = 0;
  return ends.map((end) => {
    const contour = [];
    for (let p = from; p <= end; p++) contour.push([xs[p], ys[p], flags[p] & 1]);
    from = end + 1;
    return contour;
  });
};

/** A contour as on-curve start followed by quadratic pieces [control x, y, end x, y], implied points written out. */
const quadratics = (contour) => {
  const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, 1];
  const first = contour.findIndex((p) => p[2] === 1);
  if (first < 0) throw new Error("a contour without a point on the curve is not handled");
  const ring = [...contour.slice(first), ...contour.slice(0, first), contour[first]];
  const out = [ring[0][0], ring[0][1]];
  let here = ring[0];
  for (let i = 1; i < ring.length; i++) {
    const point = ring[i];
    if (point[2]) {
      out.push(...middle(here, point).slice(0, 2), point[0], point[1]);
      here = point;
    } else {
      const end = ring[i + 1][2] ? ring[++i] : middle(point, ring[i + 1]);
      out.push(point[0], point[1], end[0], end[1]);
      here = end;
    }
  }
  return out;
};

const glyphs = {};
for (const digit of "0123456789") {
  const index = glyphIndex(digit.codePointAt(0));
  const advance = font.readUInt16BE(table("hmtx") + 4 * Math.min(index, longMetrics - 1));
  glyphs[digit] = { advance, contours: contours(index).map(quadratics) };
}
const height = Math.max(...glyphs[1].contours[0].filter((_, i) => i % 2 === 1));

process.stdout
  .write(`// Made by makeGlyphs.mjs from DejaVu Sans 2.37; the font's licence is in DEJAVU-LICENSE.txt beside this file.

/** One glyph in font units, y upwards; a contour is its start x, y and then quadratic pieces control x, y, end x, y. */
export interface Glyph {
  readonly advance: number
  readonly contours: ReadonlyArray<ReadonlyArray<number>>
}

export const unitsPerEm = ${unitsPerEm}

/** Height of the digits above the baseline. */
export const digitHeight = ${height}

export const glyphs: Readonly<Record<string, Glyph>> = {
${Object.entries(glyphs)
  .map(
    ([digit, glyph]) =>
      `  ${digit}: {\n    advance: ${glyph.advance},\n    contours: [\n${glyph.contours.map((c) => `      [${c.join(", ")}]`).join(",\n")}\n    ]\n  }`,
  )
  .join(",\n")}
}
`);
