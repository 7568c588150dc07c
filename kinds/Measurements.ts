/** Kind `measurements`: metrics of programs over the axes of an experiment. */
import type { Kind } from "./Kind.ts";
import {
  decodeMeasurements,
  Measurements,
  measurementsCsv,
  measurementsFile,
} from "./MeasurementsFile.ts";
import { measurementsClaims, measurementsText } from "./measurementsText.ts";

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
        csv: () => measurementsCsv(made),
        text: (title, style, { width }) => measurementsText(made, title, style, width),
        claims: (node) => measurementsClaims(node, made),
      };
    },
  },
};
