/** The node that made an artifact, and those that it follows from, as the store recorded them. */
import type { LicensedNode } from "../bundle/write/licenses.ts";
import type { Action } from "../schemas/Artifact.ts";
import type { Digest } from "../schemas/Digest.ts";
import { inputDigests } from "../schemas/KeyParts.ts";

export interface MadeNode extends LicensedNode {
  readonly action: Action;
  readonly from: ReadonlyArray<MadeNode>;
}

/** Undefined without a record. Of several actions the first counts, so that a later run changes no card. */
export const madeNode = (
  artifact: Digest,
  actionsOf: (artifact: Digest) => ReadonlyArray<Action>,
): MadeNode | undefined => {
  const made = new Map<Digest, MadeNode | undefined>();
  const visit = (digest: Digest): MadeNode | undefined => {
    if (made.has(digest)) return made.get(digest);
    // Marked as visited: actions of two artifacts may follow from each other.
    made.set(digest, undefined);
    const action = actionsOf(digest).at(-1);
    if (action === undefined) return undefined;
    const { stage, node, kind } = action;
    const found: MadeNode = {
      action,
      bundled: { stage, stageName: node.replace(/\[.*$/su, ""), kind },
      from: inputDigests(action.keyParts).flatMap((input) => visit(input) ?? []),
    };
    made.set(digest, found);
    return found;
  };
  return visit(artifact);
};
