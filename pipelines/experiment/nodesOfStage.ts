/** The nodes of one wired stage: one for each point of its axes, with its inputs at that point. */
import { Duration } from "effect";
import { modestResources, type Stage } from "../../stages/Stage.ts";
import { indexOfPoint, labelsOf, type Point, pointsOf, project } from "./Axes.ts";
import type { Node, NodeInput, RetryPolicy } from "./Node.ts";
import { nodeName } from "./nodeName.ts";
import type { CheckedParams } from "./Params.ts";
import type { Wire, WiredStage } from "./WiredStage.ts";

/** The stages already expanded, by their names in the experiment. */
export type ExpandedStages = ReadonlyMap<string, ExpandedStage>;

export interface ExpandedStage {
  readonly stage: WiredStage;
  /** In the order of `pointsOf(stage.axes)`. */
  readonly nodes: ReadonlyArray<Node>;
}

/** `params` are in the order of `pointsOf(stage.paramAxes)`; `upstreams` has every stage that this one takes from. */
export const nodesOfStage = (
  stage: WiredStage,
  params: ReadonlyArray<CheckedParams>,
  upstreams: ExpandedStages,
): ReadonlyArray<Node> => {
  const resources = { ...modestResources, ...stage.spec.resources };
  const retry = retryPolicy(stage);
  return pointsOf(stage.axes).map((point) => {
    const labels = labelsOf(stage.axes, point);
    const name = nodeName(stage.name, labels);
    const own = params[indexOfPoint(stage.paramAxes, project(stage.axes, point, stage.paramAxes))];
    if (own === undefined) throw new Error(`${name} has no params`);
    const given = stage.wires.map((wire): readonly [input: string, from: NodeInput] => {
      const upstream = upstreams.get(wire.from);
      if (upstream === undefined)
        throw new Error(`${wire.from} is not expanded before ${stage.name}`);
      return [wire.input, inputAt(wire, stage, point, upstream)];
    });
    const isUsed = ([input]: (typeof given)[number]) => isRead(stage.stage, input, own);
    return {
      name,
      stageName: stage.name,
      stage: stage.stage,
      labels,
      params: own,
      inputs: Object.fromEntries(given.filter(isUsed)),
      unreadInputs: Object.fromEntries(given.filter((each) => !isUsed(each))),
      resources,
      retry,
      at: stage.at,
    };
  });
};

const isRead = ({ inputs }: Stage, input: string, { decoded }: CheckedParams): boolean =>
  inputs === "any" || inputs[input]?.reader?.isSet(decoded) !== false;

const retryPolicy = ({ spec }: WiredStage): RetryPolicy => {
  const { times = 2, wait = Duration.seconds(1), exit_codes: exitCodes = [] } = spec.retry ?? {};
  return { times, wait, exitCodes };
};

const inputAt = (
  { over }: Wire,
  stage: WiredStage,
  point: Point,
  { stage: upstream, nodes }: ExpandedStage,
): NodeInput => {
  const nodeAt = (at: Point): Node => {
    const node = nodes[indexOfPoint(upstream.axes, at)];
    if (node === undefined) throw new Error(`${upstream.name} has no node at ${at.join()}`);
    return node;
  };
  if (over === undefined) return nodeAt(project(stage.axes, point, upstream.axes));
  return pointsOf(over).map((inner) => {
    const at = upstream.axes.map((axis) => {
      const position = over.indexOf(axis);
      return (position === -1 ? point[stage.axes.indexOf(axis)] : inner[position]) ?? 0;
    });
    const node = nodeAt(at);
    return { labels: node.labels, node };
  });
};
