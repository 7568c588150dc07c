/** A bundle that has been written, as a person reads it. */
import type { Pointer } from "../../bundle/format.ts";
import type { WrittenBundle } from "../../bundle/writeBundle.ts";
import { bytesText } from "../../schemas/quantity.ts";
import { padEnd, plural, printable } from "./format.ts";
import type { Style } from "./style.ts";

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
      : ["", `${plural(written.unmade, "node")} of the run not made; the README says so`]),
    ...(written.otherVersions.length === 0
      ? []
      : [
          "",
          `made by other versions than the sources that go along (${written.otherVersions.join(", ")}): nobody can rerun or replay it with these`,
        ]),
    ...(written.allowed.length === 0
      ? []
      : [
          "",
          "published although found:",
          ...written.allowed.map(
            ({ finding, reason }) =>
              `  ${printable(finding.path)}, ${finding.place}: ${finding.kind} (${printable(reason)})`,
          ),
        ]),
  ].join("\n");
};

const reasons: { readonly [why in Pointer["why"]]: string } = {
  weights: "model weights (--include models)",
  size: "for its size (--cap) or by --without",
  missing: "no longer in the store",
};

const leftOut = ({ leftOut: pointers, needed }: WrittenBundle): ReadonlyArray<string> => {
  if (pointers.length === 0) return [];
  const groups = [...Map.groupBy(pointers, ({ why }) => why)];
  return [
    "",
    "left out, with a pointer each:",
    ...groups.map(([why, group]) => {
      const size = group.reduce((sum, pointer) => sum + pointer.size, 0);
      return `  ${bytesText(size).padStart(8)}  ${plural(group.length, "file")}: ${reasons[why]}`;
    }),
    ...(needed === 0
      ? []
      : [`numbers follow from ${plural(needed, "of these file")}; they can't be recomputed`]),
  ];
};
