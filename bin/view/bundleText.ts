/** The summary of a written bundle. */
import type { Pointer } from "../../bundle/format/format.ts";
import type { WrittenBundle } from "../../bundle/write/writeBundle.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { padEnd, plural, printable, type Style } from "../../kinds/terminal.ts";

export const bundleText = (run: string, written: WrittenBundle, style: Style): string => {
  const { stages, payload } = written;
  const width = Math.max(...stages.map(({ stage }) => stage.length));
  return [
    `${style.bold(written.file)}  ${bytesText(written.bytes)}`,
    `  of ${run}: ${plural(written.claims, "claim")}, ${plural(payload.files, "file")}, ${bytesText(payload.bytes)} unpacked`,
    `  identity ${written.identity}`,
    `  tar      ${written.tarSha256} (sha256, before gzip)`,
    "",
    ...stages.map(
      ({ stage, files, bytes: size }) =>
        `  ${padEnd(stage, width)}  ${bytesText(size).padStart(8)}  ${plural(files, "file")}`,
    ),
    ...leftOut(written),
    ...(written.unmade === 0
      ? []
      : ["", `${plural(written.unmade, "node")} of the run not made; the README lists them`]),
    ...(written.otherVersions.length === 0
      ? []
      : [
          "",
          `made by other stage versions than the included sources (${written.otherVersions.join(", ")}), which can't rerun it`,
        ]),
    ...(written.allowed.length === 0
      ? []
      : [
          "",
          "findings published with a reason:",
          ...written.allowed.map(
            ({ finding, reason }) =>
              `  ${printable(finding.path)}, ${finding.place}: ${finding.kind} (${printable(reason)})`,
          ),
        ]),
  ].join("\n");
};

const reasons: { readonly [why in Pointer["why"]]: string } = {
  weights: "model weights (--include models)",
  size: "over the size limit (--cap), or --without",
  missing: "no longer in the store",
};

const leftOut = ({ leftOut: pointers, needed }: WrittenBundle): ReadonlyArray<string> => {
  if (pointers.length === 0) return [];
  const groups = [...Map.groupBy(pointers, ({ why }) => why)];
  return [
    "",
    "left out; pointers.json lists them:",
    ...groups.map(([why, group]) => {
      const size = group.reduce((sum, pointer) => sum + pointer.size, 0);
      return `  ${bytesText(size).padStart(8)}  ${plural(group.length, "file")}: ${reasons[why]}`;
    }),
    ...(needed === 0
      ? []
      : [
          `${plural(needed, "of these file")} ${needed === 1 ? "is" : "are"} needed for numbers, which can't be recomputed`,
        ]),
  ];
};
