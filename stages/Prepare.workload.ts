/** The workload of `prepare`: a copy of the model on disk. */
import { noModel, workload } from "./cost/Workload.ts";
import { Prepare } from "./Prepare.ts";

const bytesPerWeight = 2;

export const prepareWorkload = workload(Prepare, {
  of: (_, { model }) =>
    model === undefined
      ? noModel
      : {
          compute: {},
          tokens: 0,
          memory: bytesPerWeight * model.parameters,
          disk: bytesPerWeight * model.parameters,
        },
});
