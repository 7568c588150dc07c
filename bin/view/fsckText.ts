/** What `pipe fsck` found. */
import type { Examined, Finding } from "../../cache/Fsck.ts";
import type { Progress } from "../../cache/hashBlobs.ts";
import type { Rescued } from "../../cache/rescueIndex.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { plural, printable } from "./format.ts";
import type { Style } from "./style.ts";

export const examinedText = (
  { findings, artifacts, blobs }: Examined,
  freed: number | undefined,
  style: Style,
): string => {
  const damaged = findings.filter(({ damage }) => damage);
  const untidy = findings.filter(({ damage }) => !damage);
  const looked = `${plural(artifacts, "artifact")} and ${plural(blobs, "blob")} read`;
  const isRepaired = freed !== undefined;
  const said = (finding: Finding) =>
    isRepaired ? printable(finding.message) : `${printable(finding.message)}\n    ${finding.fix}`;
  return [
    ...damaged.map((finding) => `${style.red("damaged")}: ${said(finding)}`),
    ...untidy.map((finding) => `${style.yellow("untidy")}: ${said(finding)}`),
    damaged.length === 0
      ? `${looked}: all is as it was stored`
      : `${looked}: ${plural(damaged.length, "thing")} damaged`,
    ...(isRepaired ? [repairedText(findings.length, freed)] : []),
    ...(!isRepaired && findings.length > 0 ? ["pipe fsck --repair puts it right"] : []),
  ].join("\n");
};

const repairedText = (count: number, freed: number): string => {
  const cleared = freed === 0 ? "" : `; ${bytesText(freed)} that crashes had left removed`;
  if (count === 0) return `nothing to repair${cleared}`;
  return `${plural(count, "thing")} put right${cleared}; what was set aside lies under quarantine/ until pipe gc`;
};

export const rescuedText = (
  wrong: string,
  { aside, saved, torn, fromTrees, nameless }: Rescued,
  style: Style,
): string => {
  const of = (table: string, one: string) => plural(saved.get(table) ?? 0, one);
  return [
    `${style.red("the index was damaged")}: ${printable(wrong)}`,
    ...(aside === undefined ? [] : [`  it lies in ${aside} now`]),
    `  saved: ${of("artifacts", "artifact")}, ${of("actions", "action")}, ${of("attempts", "attempt")}, ${of("tags", "tag")}`,
    torn.length === 0
      ? "  lost: nothing that was recorded"
      : `  lost: what could not be read of ${torn.join(", ")}`,
    ...(nameless === 0
      ? []
      : [
          `  ${plural(nameless, "artifact")} (${fromTrees} known by ${fromTrees === 1 ? "its" : "their"} own bytes alone) ${nameless === 1 ? "has" : "have"} no action any more: what made ${nameless === 1 ? "it" : "them"} is made again`,
        ]),
  ].join("\n");
};

export const progressLine = (
  { files, bytes: done, allFiles, allBytes }: Progress,
  seconds: number,
): string =>
  `${Math.floor((done / Math.max(1, allBytes)) * 100)} % · ${files} of ${plural(allFiles, "blob")} · ` +
  `${bytesText(done)} of ${bytesText(allBytes)} · ${bytesText(done / Math.max(seconds, 0.001))}/s`;
