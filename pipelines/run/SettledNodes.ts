/** The nodes of a run that have their artifacts: counted, and linked in the run's directory. */
import type { Digest } from "../../schemas/Digest.ts";
import type { Node } from "../experiment/Node.ts";
import type { RunRecord } from "../history/RunRecord.ts";
import type { Plan } from "../plan/Plan.ts";

export interface RunCounts {
  executed: number;
  reused: number;
  failed: number;
}

/** Larger runs link only what they make, since links are for people; `plan.json` names all that was cached. */
const mostNodesForLinks = 100;

export class SettledNodes {
  readonly counts: RunCounts = { executed: 0, reused: 0, failed: 0 };
  private readonly artifacts = new Map<Node, Digest>();
  private readonly record: RunRecord;
  private readonly directoryOf: (artifact: Digest) => string;

  constructor(record: RunRecord, directoryOf: (artifact: Digest) => string) {
    this.record = record;
    this.directoryOf = directoryOf;
  }

  artifactOf(node: Node): Digest {
    const artifact = this.artifacts.get(node);
    if (artifact === undefined) throw new Error(`${node.name} is used before it is settled`);
    return artifact;
  }

  add(node: Node, artifact: Digest, how: "executed" | "reused") {
    this.artifacts.set(node, artifact);
    this.counts[how] += 1;
    this.record.link(node, this.directoryOf(artifact));
  }

  addCached({ nodes }: Plan) {
    for (const { node, status, found } of nodes) {
      if (status !== "cached" || found === undefined) continue;
      this.artifacts.set(node, found.artifact);
      this.counts.reused += 1;
      if (nodes.length <= mostNodesForLinks)
        this.record.link(node, this.directoryOf(found.artifact));
    }
  }
}
