/** Paired differences between two runs for the terminal. */
import { type Column, gridText } from "../../kinds/gridText.ts";
import { intervalText, none } from "../../kinds/tableColumns.ts";
import { pText, signedText } from "../../kinds/tableText.ts";
import { printableName, type Style } from "../../kinds/terminal.ts";
import type { PairedRow } from "../../pipelines/history/pairedRows.ts";
import { labelsText } from "../../schemas/labels.ts";

export const pairedLines = (
  rows: ReadonlyArray<PairedRow>,
  width: number,
  style: Style,
): ReadonlyArray<string> => {
  if (rows.length === 0) return [];
  const column = (
    name: string,
    cell: (row: PairedRow) => Column["cells"][number],
    more: Pick<Column, "isLabel" | "dropped"> = {},
  ): Column => ({ name, ...more, cells: rows.map(cell) });
  const label = { isLabel: true } as const;
  const notes = new Set(rows.flatMap(({ note }) => note ?? []));
  return [
    "",
    style.bold("paired differences, new − old on the pictures that both runs answered"),
    ...gridText(
      [
        column(
          "scores",
          ({ stageName, labels }) => {
            const text = labelsText(labels);
            return { text: printableName(text === "" ? stageName : `${stageName} ${text}`) };
          },
          label,
        ),
        column("of", ({ metric }) => ({ text: metric }), label),
        column("seeds", ({ runs }) => ({ text: String(runs) }), { dropped: 1 }),
        column("n", ({ n }) => ({ text: String(n) }), { dropped: 2 }),
        column("difference", ({ value, low, high }) =>
          value === null
            ? none
            : {
                text: signedText(value),
                ...(low === null || high === null ? {} : { under: intervalText(low, high) }),
              },
        ),
        column("p", ({ p }) => (p === null ? none : { text: pText(p) })),
      ],
      width,
      style,
    ),
    style.dim(["95 % intervals over seeds and instances", ...notes].join(" · ")),
  ];
};
