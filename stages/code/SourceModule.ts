/** One source file in the code identity of a stage. */
import { Runtime, Schema } from "effect";
import { type Digest, digestBytes } from "../../schemas/Digest.ts";

/** Paths are relative to the root of the repository, with `/`. */
export interface SourceModule {
  readonly digest: Digest;
  /** Files of this repository that it imports at run time. */
  readonly imports: ReadonlyArray<string>;
  /** Packages it imports: name → version pinned in `package.json`. */
  readonly packages: Readonly<Record<string, string>>;
}

/** The code of a stage can't be determined, so no key can be computed. */
export class UnknownCode extends Schema.TaggedError<UnknownCode>()("UnknownCode", {
  message: Schema.String,
  fix: Schema.String,
}) {
  override readonly [Runtime.errorExitCode] = 2;
  override readonly [Runtime.errorReported] = false;
}

/** Line endings don't count: Git may write different ones on another machine. */
export const digestText = (text: string): Digest => digestBytes(text.replaceAll("\r\n", "\n"));
