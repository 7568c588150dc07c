/** The size of a model, as far as its cost depends on it, by its name alone: a plan opens no network connection. */

export interface ModelShape {
  readonly parameters: number;
  readonly layers: number;
  /** Width of the residual stream. */
  readonly width: number;
  /** All query heads of a layer together. */
  readonly attention: number;
  /** All key heads of a layer together; values take as much. */
  readonly keys: number;
  readonly vocabulary: number;
  /** Trained from random weights by `trainer: pipe`. */
  readonly isMicro?: true;
}

const qwen3 = { keys: 1024, vocabulary: 151_936 };
const shape4B = { ...qwen3, layers: 36, width: 2560, attention: 4096 };
const shape8B = { ...qwen3, layers: 36, width: 4096, attention: 4096 };

/** From the models' config.json on the Hub; most have a Qwen3 as language model. A vision tower from `prepare` adds a five-hundredth. */
const known: ReadonlyMap<string, ModelShape> = new Map([
  ["qwen3-vl-2b", { ...qwen3, layers: 28, width: 2048, attention: 2048, parameters: 2.13e9 }],
  ["qwen3-vl-4b", { ...shape4B, parameters: 4.44e9 }],
  ["qwen3-vl-8b", { ...shape8B, parameters: 8.77e9 }],
  ["internvl3_5-4b", { ...shape4B, parameters: 4.73e9 }],
  ["internvl3_5-8b", { ...shape8B, parameters: 8.53e9 }],
  [
    "smollm2-135m",
    {
      layers: 30,
      width: 576,
      attention: 576,
      keys: 192,
      vocabulary: 49_152,
      parameters: 134_515_008,
    },
  ],
]);

/** The shape of a repository's or directory's model, such as `Qwen/Qwen3-VL-4B-Instruct`; undefined where its name has no size. */
export const shapeOfName = (name: string): ModelShape | undefined => {
  const last = (name.split("/").at(-1) ?? "").toLowerCase();
  for (const [beginning, shape] of known) if (last.startsWith(beginning)) return shape;
  const billions = /(?<![\d.a-z])(\d+(?:\.\d+)?)b(?![a-z\d])/u.exec(last)?.[1];
  return billions === undefined ? undefined : shapeOfSize(Number(billions) * 1e9);
};

/** A layer has about 12·width² weights (Kaplan et al. 2020, arXiv 2001.08361, eq. 2.1); models of 4 to 32 billion are about 90 layers wide. */
export const shapeOfSize = (parameters: number): ModelShape => {
  const layers = Math.max(1, Math.round(Math.cbrt(parameters / (12 * 90 ** 2))));
  return { ...qwen3, parameters, layers, width: 90 * layers, attention: 90 * layers };
};

const microShape = (parameters: number, layers: number, width: number): ModelShape => {
  const isMicro = true;
  return { parameters, layers, width, attention: width, keys: width, vocabulary: 92, isMicro };
};

/** Counted with a vocabulary of 92 words and pictures of 64 pixels (`trainers/model.py`, SIZES). */
export const microShapes: Readonly<Record<"nano" | "micro" | "small", ModelShape>> = {
  nano: microShape(639_408, 3, 96),
  micro: microShape(1_508_704, 4, 128),
  small: microShape(4_850_944, 4, 256),
};
