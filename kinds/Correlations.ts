/** Kind `correlations`: rewards with perception and reasoning, checkpoint by checkpoint. */
import { correlationsClaims } from "./correlationsClaims.ts";
import { Correlations, correlationsFile, decodeCorrelations } from "./CorrelationsFile.ts";
import { correlationsText } from "./correlationsText.ts";
import { correlationsView } from "./correlationsView.ts";
import type { Kind } from "./Kind.ts";

export const correlations: Kind = {
  name: "correlations",
  documents: { [correlationsFile]: Correlations },
  need: () => "claims",
  numbers: {
    file: correlationsFile,
    read: (json, models) => {
      const made = { ...(models.length === 0 ? {} : { models }), ...decodeCorrelations(json) };
      return {
        json: { correlations: made },
        rows: correlationsView(made),
        text: (title, style) => correlationsText(made, title, style),
        claims: (node) => correlationsClaims(node, made),
      };
    },
  },
};
