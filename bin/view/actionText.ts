/** How an artifact was made: the stage with every param, its inputs, what it reported. */
import type { Action } from "../../schemas/Artifact.ts";
import { type Json, shortDigest } from "../../schemas/Digest.ts";
import { recordedParts } from "../../schemas/KeyParts.ts";
import { duration } from "../../schemas/quantity.ts";
import { type ActionParam, actionParams } from "../../stages/actionParams.ts";
import { stages } from "../../stages/stages.ts";
import { padEnd, printable, printableName, type Style, width } from "../../kinds/terminal.ts";
import { jsonText } from "./causeText.ts";
import { labelsText } from "../../schemas/labels.ts";

type Row = readonly [name: string, text: string];

export const actionText = (action: Action, style: Style): ReadonlyArray<string> => {
  const { version, code, inputs, sources = {}, environment } = recordedParts(action.keyParts);
  const machine = action.environment["gpus"] ?? action.environment["cpu"];
  return [
    `made by ${style.bold(printableName(action.node))} of ${printableName(action.experiment)} in ${duration(action.cost.wallSeconds)} on ${printable(machine ?? "an unknown processor")}, ${action.finishedAt}`,
    ...rows("", [
      ["stage", `${action.stage}, version ${version}`],
      ...(code === undefined ? [] : [["code", shortDigest(code)] as const]),
      ...(environment === undefined ? [] : [["packages", shortDigest(environment)] as const]),
      ["recipe", action.recipe],
      ["content", action.content],
    ]),
    ...rows("with", paramRows(action, style)),
    ...rows("from", inputRows(inputs)),
    ...rows(
      "sources",
      Object.entries(sources).map(([name, digest]) => [name, shortDigest(digest)]),
    ),
    ...rows(
      "reported",
      Object.entries(action.summary).map(([name, value]) => [name, valueText(value)]),
    ),
  ];
};

const paramRows = ({ stage: name, keyParts }: Action, style: Style): ReadonlyArray<Row> => {
  const { params = {} } = keyParts as { readonly params?: Json };
  const stage = stages.get(name);
  const all = stage === undefined ? undefined : actionParams(stage, params);
  if (all !== undefined) return all.map((param) => [param.name, paramText(param, style)]);
  return Object.entries(params as object).map(([key, value]) => [key, valueText(value as Json)]);
};

const paramText = ({ value, isDefault }: ActionParam, style: Style): string => {
  if (value === undefined) return style.dim("left out");
  return isDefault ? style.dim(`${valueText(value)} (default)`) : valueText(value);
};

const inputRows = (inputs: ReturnType<typeof recordedParts>["inputs"]): ReadonlyArray<Row> =>
  Object.entries(inputs).flatMap(([name, input]): ReadonlyArray<Row> =>
    typeof input === "string"
      ? [[name, shortDigest(input)]]
      : input.map(({ labels, identity }) => [
          `${name}[${labelsText(labels)}]`,
          shortDigest(identity),
        ]),
  );

const valueText = (value: Json): string => printableName(jsonText(value));

const rows = (title: string, all: ReadonlyArray<Row>): ReadonlyArray<string> => {
  if (all.length === 0) return [];
  const names = all.map(([name]) => printableName(name));
  const widest = Math.max(...names.map(width));
  return [
    ...(title === "" ? [] : [`  ${title}`]),
    ...all.map(([, text], index) => {
      const indent = title === "" ? "  " : "    ";
      return `${indent}${padEnd(names[index] ?? "", widest)}  ${text}`;
    }),
  ];
};
