/** One source file as the code identity of stages sees it. */
import { Runtime, Schema } from "effect";
import { type Digest, digestBytes } from "../../schemas/Digest.ts";

/** Paths start at the root, with `/`, on every machine. */
export interface SourceModule {
  readonly digest: Digest;
  /** The files of this repository that it brings in at run time. */
  readonly imports: ReadonlyArray<string>;
  /** The packages it brings in: name → the version that `package.json` pins. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Nobody can say which code a stage would run, so nobody may look for its results. */
export class UnknownCode extends Schema.TaggedError<UnknownCode>()("UnknownCode", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}

/** Git may write other line endings on another machine; they are the same code. */
export const digestText = (text: string): Digest => digestBytes(text.replaceAll("\r\n", "\n"));
