/** The amount of work of a node and of earlier runs of its stage, in the units that the stage declares. */
import { Option, Schema } from "effect";
import type { EarlierActions } from "../../cache/History.ts";
import type { Action } from "../../schemas/Artifact.ts";
import type { Json } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import type { Maker, Stage } from "../../stages/Stage.ts";
import { stages } from "../../stages/stages.ts";
import { isFanIn, type Node } from "../experiment/Node.ts";
import { stageNameOf } from "../experiment/nodeName.ts";
import type { PastTime } from "./predictSeconds.ts";

/** Only the newest, since code and machines change. */
const mostPast = 20;

/** The newest of a stage's actions: those under the same name in an experiment, or else all. */
export const pastActions = (
  { stageName }: Node,
  all: ReadonlyArray<Action>,
): ReadonlyArray<Action> => {
  const named = all.filter(({ node }) => stageNameOf(node) === stageName);
  const past = named.length > 0 ? named : all;
  // A resumed run did a part of its work.
  const whole = past.filter(({ resumedFrom }) => resumedFrom === undefined);
  return (whole.length > 0 ? whole : past).slice(0, mostPast);
};

export const workOfNode = ({ stage, params, inputs }: Node): number | undefined =>
  stage.work?.(params.decoded, (input) => {
    const from = inputs[input];
    return from === undefined || isFanIn(from)
      ? undefined
      : { stage: from.stage.name, params: from.params.decoded };
  });

export const workOfAction = (
  { stage: name, keyParts }: Action,
  earlier: EarlierActions,
): number | undefined => {
  const stage = stages.get(name);
  const params = stage === undefined ? undefined : decodedParams(stage, keyParts);
  if (params === undefined) return undefined;
  return stage?.work?.(params, (input): Maker | undefined => {
    const digest = recordedParts(keyParts).inputs[input];
    const [made] = typeof digest === "string" ? earlier.actionsThatMade(digest, 1) : [];
    const maker = made === undefined ? undefined : stages.get(made.stage);
    const its = maker === undefined ? undefined : decodedParams(maker, made?.keyParts ?? {});
    return maker === undefined || its === undefined
      ? undefined
      : { stage: maker.name, params: its };
  });
};

const decodedParams = (stage: Stage, keyParts: Json): object | undefined =>
  Option.getOrUndefined(
    Schema.decodeUnknownOption(stage.params)((keyParts as { readonly params: Json }).params),
  ) as object | undefined;

export const timeOf = (
  { cost: { wallSeconds, fixedSeconds } }: Action,
  work: number,
): PastTime => ({
  work,
  seconds: wallSeconds,
  ...(fixedSeconds === undefined ? {} : { fixedSeconds }),
});
