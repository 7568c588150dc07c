/** Kind `table`: accuracies point by point and pooled. */
import type { Kind } from "./Kind.ts";
import { decodeTable, Table, tableFile } from "./TableFile.ts";
import { tableClaims } from "./tableClaims.ts";
import { tableText } from "./tableText.ts";
import { tableRows } from "./tableView.ts";

export const table: Kind = {
  name: "table",
  documents: { [tableFile]: Table },
  need: () => "claims",
  numbers: {
    file: tableFile,
    read: (json, models) => {
      const made = { ...(models.length === 0 ? {} : { models }), ...decodeTable(json) };
      return {
        json: { table: made },
        table: made,
        rows: tableRows(made),
        text: (title, style, options) => tableText(made, title, style, options),
        claims: (node) => tableClaims(node, made),
      };
    },
  },
};
