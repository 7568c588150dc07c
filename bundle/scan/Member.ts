/** Bytes that came out of others, or the reason why they did not. */
export interface Member {
  /** Where it was: `PNG text`, `gzip`. */
  readonly place: string;
  /** Its own name, where it has one. */
  readonly name?: string;
  readonly content: Uint8Array | { readonly unreadable: string };
  /**
   * Its bytes stand as they are in the container: they were looked at already, but for what they are a container of; or they are
   * `text` that has to be looked at without what stands beside it.
   */
  readonly plain?: true | "text";
  /** Where the packed bytes begin, if not with the container: nobody needs to look for them there. */
  readonly from?: number;
}

/** More would not fit the memory of a laptop; nothing of ours comes near. */
export const mostUnpacked = 1 << 30;

export const limit = { maxOutputLength: mostUnpacked };

export const unpacked = (what: string, unpack: () => Uint8Array): Member["content"] => {
  try {
    return unpack();
  } catch {
    return { unreadable: `${what} that does not unpack to at most ${mostUnpacked >> 20} MB` };
  }
};
