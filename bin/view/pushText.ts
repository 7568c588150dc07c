/** The summary of a push. */
import { plural, printable, type Style } from "../../kinds/terminal.ts";
import type { Change } from "../../publish/compare.ts";
import type { Pushed } from "../../publish/push.ts";
import { bytesText } from "../../schemas/quantity.ts";

const mostListed = 12;
const signs: { readonly [what in Change["what"]]: string } = {
  added: "+",
  changed: "~",
  deleted: "-",
};

export const pushText = (pushed: Pushed, style: Style): string => {
  const { changes, unchanged, allowed } = pushed;
  const listed = changes.slice(0, mostListed);
  return [
    style.bold(pushed.page),
    `  ${printable(pushed.title)}`,
    `  ${outcome(pushed)}`,
    ...(changes.length === 0 ? [] : [""]),
    ...listed.map(
      ({ what, path, size }) =>
        `  ${signs[what]} ${bytesText(size).padStart(8)}  ${printable(path)}`,
    ),
    ...(changes.length > listed.length ? [`    and ${changes.length - listed.length} others`] : []),
    ...(changes.length > 0 && unchanged > 0 ? [`    ${plural(unchanged, "file")} unchanged`] : []),
    ...(allowed.length === 0
      ? []
      : [
          "",
          "findings published with a reason:",
          ...allowed.map(
            ({ finding, reason }) =>
              `  ${printable(finding.path)}, ${finding.place}: ${finding.kind} (${printable(reason)})`,
          ),
        ]),
  ].join("\n");
};

const outcome = ({
  created,
  isPrivate,
  type,
  parent,
  commit,
  dryRun,
  changes,
  unchanged,
}: Pushed) => {
  const repository = `${isPrivate ? "private" : "public"} ${type === "dataset" ? "data set" : "model"}`;
  if (dryRun && changes.length > 0)
    return created
      ? `would create the ${repository} and commit ${plural(changes.length, "file")}`
      : `would commit ${plural(changes.length, "change")} on ${short(parent)}`;
  if (commit === undefined)
    return `nothing new: its ${plural(unchanged, "file")} ${unchanged === 1 ? "is" : "are"} there at ${short(parent)}; no commit`;
  return `${created ? `new ${repository}, ` : ""}commit ${short(commit)} on ${short(parent)}`;
};

const short = (commit: string | undefined): string => (commit ?? "").slice(0, 12);
