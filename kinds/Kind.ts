/** The form of an artifact kind's declaration; `kinds.ts` is the registry. */
import type { Schema } from "effect";
import type { ArtifactKind, TreeFile } from "../schemas/Artifact.ts";
import type { ClaimedNumbers } from "./claims.ts";
import type { NumberRows } from "./NumberRows.ts";
import type { Table } from "./TableFile.ts";
import type { TextOptions } from "./tableText.ts";
import type { Style } from "./terminal.ts";

export interface Kind {
  readonly name: ArtifactKind;
  /** JSON Lines files by name: the schema of a line. */
  readonly lines?: Readonly<Record<string, Schema.Codec<any, any>>>;
  /** Lines may have fields that the schema lacks. */
  readonly hasMoreFields?: true;
  /** JSON files by name. */
  readonly documents?: Readonly<Record<string, Schema.Codec<any, any>>>;
  /** Other programs write artifacts of this kind, too: the form of files that are not named here is unknown. */
  readonly isForeign?: true;
  /** Why a bundle includes a file. */
  readonly need: (file: TreeFile, use: Use) => Need;
  readonly numbers?: NumbersFile;
}

/** How a bundle treats a file: numbers always go in, weights only on request, the rest while there is room. */
export type Need =
  /** A claim can't be recomputed without it. */
  | "claims"
  /** Small, and describes the rest. */
  | "context"
  | "room"
  | "weights";

/** The use of an artifact downstream. */
export interface Use {
  /** Splits that are answered and judged. */
  readonly judgedSplits: ReadonlySet<string>;
  /** Numbers are computed from it directly. */
  readonly isCounted: boolean;
}

/** The file that holds an artifact's numbers. */
export interface NumbersFile {
  readonly file: string;
  /** Throws on other text. `models` are descriptions of the models behind the numbers. */
  readonly read: (text: string, models: ReadonlyArray<string>) => Numbers;
}

/** Numbers of an artifact, in the forms that people read. */
export interface Numbers {
  /** The file's content under the kind's name, for `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: (title: string, style: Style, options: TextOptions) => string;
  /** Tables only. */
  readonly table?: Table;
  /** Numbers in rows, for other forms. */
  readonly rows: NumberRows;
  readonly claims: (node: string) => ClaimedNumbers;
}
