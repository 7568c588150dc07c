import { Schema } from "effect";
import { byDefault } from "../../schemas/byDefault.ts";
import { normalQuantile } from "../../stats/normalQuantile.ts";
import type { Random } from "../../stats/Random.ts";
import { encodePng, type Texture } from "./png.ts";
import type { Raster } from "./Raster.ts";

const fraction = (maximum: number) =>
  Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum }));

/** The params of a picture; jitter, rotation and noise make perception harder. */
export const ImageParams = Schema.Struct({
  size: Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 2048 }))
    .annotate({ description: "width and height in pixels" })
    .pipe(byDefault(512)),
  color: Schema.Boolean.annotate({ description: "colour, or grey levels only" }).pipe(
    byDefault(true),
  ),
  jitter: fraction(0.5)
    .annotate({
      description:
        "largest random shift, as a fraction of the distance between neighbouring vertices or of a cell",
    })
    .pipe(byDefault(0)),
  rotation: fraction(180)
    .annotate({ description: "largest random turn to either side, in degrees" })
    .pipe(byDefault(0)),
  noise: fraction(1)
    .annotate({
      description:
        "standard deviation of Gaussian pixel noise, as a fraction of full scale; the sum is clipped",
    })
    .pipe(byDefault(0)),
});
export interface ImageParams extends Schema.Schema.Type<typeof ImageParams> {}

/** Whether chance changes the picture of an instance. */
export const isRandomImage = ({ jitter, rotation, noise }: ImageParams): boolean =>
  jitter > 0 || rotation > 0 || noise > 0;

/** The grey levels of all pictures, dark on white. */
export const ink = { text: 0, outline: 50, stroke: 95, face: 222, paper: 255 } as const;

// Pictures are painted in grey levels. Colour is a ramp through these stops and costs only a palette.
const stops: ReadonlyArray<readonly [level: number, r: number, g: number, b: number]> = [
  [ink.text, 8, 20, 48],
  [ink.outline, 23, 78, 140],
  [ink.stroke, 76, 96, 120],
  [ink.face, 196, 224, 246],
  [ink.paper, 255, 255, 255],
];

const ramp = new Uint8Array(256 * 3);
for (let level = 0; level < 256; level++) {
  const after = Math.max(
    1,
    stops.findIndex((stop) => stop[0] >= level),
  );
  const [from, to] = [stops[after - 1]!, stops[after]!];
  const t = (level - from[0]) / (to[0] - from[0]);
  for (const channel of [1, 2, 3] as const) {
    ramp[level * 3 + channel - 1] = Math.round(from[channel] + t * (to[channel] - from[channel]));
  }
}

// A table of 2^16 quantiles: finer than 8-bit samples can show, and several times cheaper than a logarithm for each pixel.
let quantiles: Float32Array | undefined;
const normalTable = () =>
  (quantiles ??= Float32Array.from({ length: 65536 }, (_, i) => normalQuantile((i + 0.5) / 65536)));

const addNoise = (samples: Uint8Array, sigma: number, random: Random): void => {
  const table = normalTable();
  const scale = sigma * 255;
  // This array type rounds and clips stored values.
  const clipped = new Uint8ClampedArray(samples.buffer);
  for (let i = 0; i < clipped.length; i += 2) {
    const bits = random.bits();
    clipped[i]! += scale * table[bits & 0xffff]!;
    if (i + 1 < clipped.length) clipped[i + 1]! += scale * table[bits >>> 16]!;
  }
};

const colored = (levels: Uint8Array): Uint8Array => {
  const samples = new Uint8Array(levels.length * 3);
  for (let pixel = 0, at = 0; pixel < levels.length; pixel++, at += 3) {
    const color = levels[pixel]! * 3;
    samples[at] = ramp[color]!;
    samples[at + 1] = ramp[color + 1]!;
    samples[at + 2] = ramp[color + 2]!;
  }
  return samples;
};

/**
 * Encodes the picture as a PNG: grey, palette colour, or, for colour with noise, RGB with independent noise in each channel.
 * `texture` is that of the picture without noise.
 */
export const finishImage = (
  raster: Raster,
  image: ImageParams,
  random: Random,
  texture: Exclude<Texture, "noise">,
): Buffer => {
  const { size, pixels } = raster;
  if (image.noise === 0)
    return encodePng(
      size,
      pixels,
      image.color ? { kind: "palette", rgb: ramp } : { kind: "gray" },
      texture,
    );
  const samples = image.color ? colored(pixels) : pixels;
  addNoise(samples, image.noise, random);
  return encodePng(size, samples, { kind: image.color ? "rgb" : "gray" }, "noise");
};
