/**
 * Which files of an artifact go into a bundle. Numbers, and what they are counted from, always do; weights only when asked for; the rest
 * while there is room.
 */
import type { ArtifactKind, TreeFile } from "../schemas/Artifact.ts";

export type Need =
  /** A claim can't be recomputed without it. */
  | "claims"
  /** Small, and says what the rest is. */
  | "context"
  /** Good to have. */
  | "room"
  | "weights";

export interface Use {
  /** The splits that something downstream answers and is judged by. */
  readonly judgedSplits: ReadonlySet<string>;
  /** Whether numbers are made from it directly. */
  readonly isCounted: boolean;
}

const weights = /\.(?:safetensors|bin|pt|pth|ckpt|gguf|h5|msgpack|onnx)$/u;
const rollouts = /^rollouts\.jsonl(?:\.gz)?$/u;
const splitFile = /^data\/(.+)-\d+-of-\d+\.parquet$/u;

export const needOf = (kind: ArtifactKind, file: TreeFile, use: Use): Need => {
  switch (kind) {
    case "scores":
    case "predictions":
    case "rollouts":
    case "table":
    case "correlations":
      return "claims";
    case "dataset":
    case "transcripts": {
      const split = splitFile.exec(file.path)?.[1];
      if (split === undefined) return "context";
      return use.judgedSplits.has(split) ? "claims" : "room";
    }
    case "model":
      if (weights.test(file.path)) return "weights";
      return use.isCounted && rollouts.test(file.path) ? "claims" : "context";
    case "files":
      return use.isCounted ? "claims" : "room";
  }
};
