/** Why a node is due: its root causes, and the inputs through which causes reach it from upstream. */
import { type Cause, isUnmade } from "./Cause.ts";
import type { Nearest } from "./NearestActionFinder.ts";
import type { PlannedNode } from "./Plan.ts";

export interface Explanation {
  readonly planned: PlannedNode;
  /** The earlier action that the node was compared with. */
  readonly against?: Pick<Nearest, "action" | "relation">;
  /** Never empty; the node's own causes first. */
  readonly causes: ReadonlyArray<Cause>;
  /** There are more causes than `causes` lists. */
  readonly more: boolean;
  readonly links: ReadonlyArray<UpstreamLink>;
}

/** An input, and the explanation of the node behind it. */
export interface UpstreamLink {
  readonly input: string;
  readonly above: Explanation;
}

/** Nobody fixes more at once, and listing all would cost time in a large plan. */
const mostCauses = 20;

/** The node's own causes and those of its links, each once; `fallback` where there are none. */
export const joinCauses = (
  own: ReadonlyArray<Cause>,
  links: ReadonlyArray<UpstreamLink>,
  fallback: Cause,
): Pick<Explanation, "causes" | "more" | "links"> => {
  const upstream = new Set(links.map(({ above }) => above));
  const [only, ...others] = upstream;
  // In a long chain most nodes have exactly the causes of the one above: share the array.
  if (own.length === 0 && only !== undefined && others.length === 0)
    return { causes: only.causes, more: only.more, links };
  // Where the node itself was never made, unmade nodes upstream explain nothing further.
  const isNew = own.some(isUnmade);
  const causes = new Map(own.map((cause) => [cause.key, cause]));
  let more = causes.size > mostCauses;
  for (const above of upstream) {
    more ||= above.more;
    for (const cause of above.causes) {
      if (causes.has(cause.key) || (isNew && isUnmade(cause))) continue;
      if (causes.size < mostCauses) causes.set(cause.key, cause);
      else more = true;
    }
  }
  const listed = causes.size === 0 ? [fallback] : [...causes.values()].slice(0, mostCauses);
  return { causes: listed, more, links };
};

/** A node on the path from a cause, and the input through which the cause reached it. */
export interface CauseStep {
  readonly explanation: Explanation;
  readonly input?: string;
}

/** The shortest path from the cause's node down to the explained node, both included. Breadth-first, from below. */
export const pathFromCause = (
  { node }: Cause,
  explained: Explanation,
): ReadonlyArray<CauseStep> => {
  const below = new Map<Explanation, { readonly by: Explanation; readonly input: string }>();
  const queue = [explained];
  const seen = new Set(queue);
  for (const each of queue) {
    if (each.planned.node === node) {
      const steps: Array<CauseStep> = [{ explanation: each }];
      for (let next = below.get(each); next !== undefined; next = below.get(next.by))
        steps.push({ explanation: next.by, input: next.input });
      return steps;
    }
    for (const { input, above } of each.links) {
      if (seen.has(above)) continue;
      seen.add(above);
      below.set(above, { by: each, input });
      queue.push(above);
    }
  }
  return [{ explanation: explained }];
};
