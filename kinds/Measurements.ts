/** Kind `measurements`: metrics of programs over the axes of an experiment. */
import type { Kind } from "./Kind.ts";
import { decodeMeasurements, Measurements, measurementsFile } from "./MeasurementsFile.ts";
import { measurementsClaims, measurementsText } from "./measurementsText.ts";
import { measurementsRows } from "./measurementsView.ts";

export const measurements: Kind = {
  name: "measurements",
  documents: { [measurementsFile]: Measurements },
  need: () => "claims",
  numbers: {
    file: measurementsFile,
    read: (json) => {
      const made = decodeMeasurements(json);
      return {
        json: { measurements: made },
        rows: measurementsRows(made),
        text: (title, style, { width }) => measurementsText(made, title, style, width),
        claims: (node) => measurementsClaims(node, made),
      };
    },
  },
};
