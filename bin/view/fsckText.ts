/** The findings of `pipe fsck`, and what it repaired. */
import type { FsckReport, Finding } from "../../cache/Fsck.ts";
import type { Progress } from "../../cache/hashBlobs.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { plural, printable, type Style } from "../../kinds/terminal.ts";

export const examinedText = (
  { findings, artifacts, blobs }: FsckReport,
  freed: number | undefined,
  style: Style,
): string => {
  const damaged = findings.filter(({ damage }) => damage);
  const harmless = findings.filter(({ damage }) => !damage);
  const counts = `${plural(artifacts, "artifact")} and ${plural(blobs, "blob")} checked`;
  const isRepaired = freed !== undefined;
  const findingText = (finding: Finding) =>
    isRepaired ? printable(finding.message) : `${printable(finding.message)}\n    ${finding.fix}`;
  return [
    ...damaged.map((finding) => `${style.red("damaged")}: ${findingText(finding)}`),
    ...harmless.map((finding) => `${style.yellow("harmless")}: ${findingText(finding)}`),
    damaged.length === 0
      ? `${counts}: no damage`
      : `${counts}: ${plural(damaged.length, "damaged item")}`,
    ...(isRepaired ? [repairedText(findings.length, freed)] : []),
    ...(!isRepaired && findings.length > 0 ? ["pipe fsck --repair repairs it"] : []),
  ].join("\n");
};

const repairedText = (count: number, freed: number): string => {
  const cleared = freed === 0 ? "" : `; ${bytesText(freed)} of leftovers removed`;
  if (count === 0) return `nothing to repair${cleared}`;
  return `${plural(count, "finding")} repaired${cleared}; damaged files are kept in quarantine/ until pipe gc`;
};

export const fsckProgress = (
  { files, bytes: done, allFiles, allBytes }: Progress,
  seconds: number,
): string =>
  `${Math.floor((done / Math.max(1, allBytes)) * 100)} % · ${files} of ${plural(allFiles, "blob")} · ` +
  `${bytesText(done)} of ${bytesText(allBytes)} · ${bytesText(done / Math.max(seconds, 0.001))}/s`;
