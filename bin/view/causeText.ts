/** Causes of due nodes in a few words: old → new, with the place of the new value. */
import type { Labels } from "../../pipelines/experiment/Node.ts";
import type { ParamValue } from "../../pipelines/plan/paramDefaults.ts";
import { type Place, spanOf } from "../../pipelines/experiment/Source.ts";
import { type Cause, isOfCode, isUnmade, type Reason } from "../../pipelines/plan/Cause.ts";
import type { Explanation } from "../../pipelines/plan/Explanation.ts";
import { type Json, shortDigest } from "../../schemas/Digest.ts";
import { labelsText } from "../../schemas/labels.ts";

/** `e.yaml:12:30`, or the override itself. */
export const placeText = (place: Place): string => {
  const { file, line, col } = spanOf(place);
  return file.startsWith("--") ? `${file} ${place.source.text}` : `${file}:${line}:${col}`;
};

/** A cause, without the name of its node. */
export const causeText = ({ node, reason, at }: Cause): string => {
  const text = reasonWords(reason, node.stage.name);
  switch (reason._tag) {
    case "Param":
    case "Source":
    case "Rewired":
    case "InputAdded":
    case "InputRemoved":
    case "ElementAdded":
    case "ElementRemoved":
    case "Order":
      return `${text} (${placeText(at)})`;
    default:
      return text;
  }
};

export const reasonWords = (reason: Reason, stage: string): string => {
  switch (reason._tag) {
    case "Param":
      return `${reason.path.join(".")} ${sidesText(reason.old, reason.new)}`;
    case "Version":
      return `the version of stage ${stage} ${reason.old} → ${reason.new}`;
    case "Code":
      return codeText(stage, reason);
    case "Source":
      if (reason.new === undefined) return `the file ${reason.path} is no longer a source`;
      if (reason.old === undefined) return `the file ${reason.path} is a new source`;
      return `the content of ${reason.path} ${shortDigest(reason.old)} → ${shortDigest(reason.new)}`;
    case "Environment":
      return `the trainers' locked requirements ${digestText(reason.old)} → ${digestText(reason.new)}`;
    case "Input":
      return `the input ${elementText(reason)} ${shortDigest(reason.old)} → ${shortDigest(reason.new)}`;
    case "InputAdded":
      return `the input ${reason.input} was added`;
    case "InputRemoved":
      return `the input ${reason.input} was removed`;
    case "ElementAdded":
      return `${labelsText(reason.labels)} was added to the input ${reason.input}`;
    case "ElementRemoved":
      return `${labelsText(reason.labels)} was removed from the input ${reason.input}`;
    case "Order":
      return `the elements of the input ${reason.input} have another order`;
    case "Rewired":
      return `the input ${reason.input} comes from ${reason.from} → ${reason.to}`;
    case "CameOutDifferently":
      return "gave another result although nothing was changed";
    case "First":
    case "NotCompared":
      return "not made yet";
    case "Gone":
      return reason.neededBy === undefined
        ? goneText[reason.how]
        : `${goneText[reason.how]}, and ${reason.neededBy} needs them`;
    case "Forced":
      return "forced";
  }
};

const goneText = {
  collected: "its files were collected",
  damaged: "its files are damaged",
  missing: "its files are gone from the store",
} as const;

const codeText = (stage: string, sides: { readonly old?: string; readonly new?: string }): string =>
  sides.new === undefined
    ? `the code of stage ${stage} matches the lock file again`
    : `the code of stage ${stage} ${sides.old === undefined ? "as recorded" : shortDigest(sides.old)} → ${shortDigest(sides.new)}`;

const digestText = (digest: string | undefined): string =>
  digest === undefined ? "none" : shortDigest(digest);

const elementText = ({ input, labels }: { readonly input: string; readonly labels?: Labels }) =>
  labels === undefined ? input : `${input}[${labelsText(labels)}]`;

/** `300 → 500`; long common parts are left out. */
const sidesText = (old: ParamValue, now: ParamValue): string => {
  const [before, after] = shorten(valueText(old), valueText(now));
  const note = (side: ParamValue) => (side.isDefault === true ? " (the default)" : "");
  return `${before}${note(old)} → ${after}${note(now)}`;
};

const plainWord = /^[\p{L}\p{N}_./+-][\p{L}\p{N}_./:=+ -]*$/u;

const valueText = ({ value }: ParamValue): string => {
  if (value === undefined) return "left out";
  return jsonText(value);
};

export const jsonText = (value: Json): string => {
  if (typeof value !== "string") return JSON.stringify(value);
  // Quoted where it would read as another type.
  const isPlain =
    plainWord.test(value) && !/^(?:true|false|null|-?[\d.]+(?:e[+-]?\d+)?)$/u.test(value);
  return isPlain ? value : JSON.stringify(value);
};

const fewCharacters = 48;
const context = 14;

/** The parts of both texts around their difference. */
export const shorten = (old: string, now: string): readonly [string, string] => {
  const [before, after] = [[...old], [...now]];
  if (before.length <= fewCharacters && after.length <= fewCharacters) return [old, now];
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const window = (text: ReadonlyArray<string>): string => {
    const [from, to] = [
      Math.max(0, start - context),
      Math.min(text.length, text.length - end + context),
    ];
    const shown = text.slice(from, to);
    const middle =
      shown.length <= fewCharacters * 2
        ? shown.join("")
        : `${shown.slice(0, fewCharacters).join("")} … ${shown.slice(-context).join("")}`;
    return `${from > 0 ? "…" : ""}${middle}${to < text.length ? "…" : ""}`;
  };
  return [window(before), window(after)];
};

const fewCauses = 2;

/** Why a node is due, on one line: its own causes first, those from upstream with their stage. */
export const explanationText = (
  { planned: { node, status }, causes, more, against }: Explanation,
  plain: string,
): string => {
  const shownCauses = causes.filter((cause) => cause.node === node || !isUnmade(cause));
  if (status === "may-run" && shownCauses.every(isUnmade)) return plain;
  const isOwn = (cause: Cause) => cause.node.stageName === node.stageName || isOfCode(cause.reason);
  const textOf = (cause: Cause): string => {
    if (isOwn(cause)) return causeText(cause);
    // Its differences from another point are no edits, so they say nothing down here.
    if (cause.nearest !== undefined) return `${cause.node.name} is new`;
    return `${cause.node.stageName}: ${causeText(cause)}`;
  };
  const parts = [...new Set(shownCauses.map(textOf))];
  const shown = parts.slice(0, fewCauses);
  const hidden = parts.length - shown.length;
  const rest = more ? ["and others"] : hidden > 0 ? [`and ${hidden} more`] : [];
  const isNew = against?.relation === "point" || against?.relation === "other";
  const lead = isNew && shownCauses.some(isOwn) ? `new, nearest to ${against.action.node}: ` : "";
  return `${lead}${[...shown, ...rest].join("; ")}`;
};
