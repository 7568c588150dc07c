/** Nodes, the vertices of an experiment's graph: stages at points of their axes, with what they take as inputs. */
import type { Duration } from "effect";
import type { Digest } from "../../schemas/Digest.ts";
import type { InputIdentity } from "../../schemas/KeyParts.ts";
import type { Resources, Stage } from "../../stages/Stage.ts";
import type { CheckedParams } from "./Params.ts";
import type { Place } from "./Source.ts";

/** A label for each axis, by the axis' name. */
export type Labels = Readonly<Record<string, string>>;

/** A node's input: another node, or the elements of a fan-in with their labels. */
export type NodeInput = Node | FanIn;
export type FanIn = ReadonlyArray<{ readonly labels: Labels; readonly node: Node }>;

export interface Node {
  /** `model[loss=token,seed=0]` */
  readonly name: string;
  /** Its stage's name in the experiment; `stage.name` is the registered one. */
  readonly stageName: string;
  readonly stage: Stage;
  readonly labels: Labels;
  readonly params: CheckedParams;
  readonly inputs: Readonly<Record<string, NodeInput>>;
  /** Inputs that the experiment gives it and its params do not read; neither its work nor its key depends on them. */
  readonly unreadInputs: Readonly<Record<string, NodeInput>>;
  readonly resources: Resources;
  readonly retry: RetryPolicy;
  readonly at: Place;
}

/** How a node is retried after an infrastructure failure. */
export interface RetryPolicy {
  readonly times: number;
  /** Before the first retry; doubles with each further one. */
  readonly wait: Duration.Duration;
  /** Exit codes that stand for infrastructure failures. */
  readonly exitCodes: ReadonlyArray<number>;
}

export interface Graph {
  /** The experiment's name. */
  readonly name: string;
  /** In topological order. */
  readonly nodes: ReadonlyArray<Node>;
  /** Axes whose values the command line chose: the experiment may have others. */
  readonly overriddenAxes: ReadonlySet<string>;
}

export const isFanIn = (input: NodeInput): input is FanIn => Array.isArray(input);

export const upstreamOf = (node: Node): ReadonlyArray<Node> =>
  Object.values(node.inputs).flatMap(elementsOf);

/** The nodes behind one input. */
export const elementsOf = (input: NodeInput): ReadonlyArray<Node> =>
  isFanIn(input) ? input.map((element) => element.node) : [input];

/** The inputs as a key holds them, each node replaced by its identity. */
export const mapInputs = (
  node: Node,
  identityOf: (input: Node) => Digest,
): Readonly<Record<string, InputIdentity>> =>
  Object.fromEntries(
    Object.entries(node.inputs).map(([name, input]) => [
      name,
      isFanIn(input)
        ? input.map((element) => ({ labels: element.labels, identity: identityOf(element.node) }))
        : identityOf(input),
    ]),
  );

/** Labels as a text that is equal for equal points, whatever the order of the axes. */
export const labelKey = (labels: Labels): string => {
  const entries = Object.entries(labels);
  return JSON.stringify(entries.length < 2 ? entries : entries.toSorted());
};
