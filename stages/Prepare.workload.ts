/** The workload of `prepare`: a copy of the model on disk. */
import { noModel, workload } from "./cost/Workload.ts";
import { bytesPerWeight } from "./Pretrained.workload.ts";
import { Prepare } from "./Prepare.ts";

export const prepareWorkload = workload(Prepare, {
  of: (_, { model, stored }) => {
    // The files of a model in the store say its precision; its name says the number of weights alone.
    const bytes = stored("model") ?? (model && bytesPerWeight * model.parameters);
    return bytes === undefined ? noModel : { compute: {}, tokens: 0, memory: bytes, disk: bytes };
  },
});
