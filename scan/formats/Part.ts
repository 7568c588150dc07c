/** A piece of a file: `file` has a format of its own, `text` is UTF-8, `binary` is UTF-8 with zeros instead of all other bytes. */
export interface Part {
  /** Where it lies in the file, such as `gzip`; empty where it is the file itself. */
  readonly place: string;
  readonly bytes: Uint8Array;
  readonly as: "file" | "text" | "binary";
}
