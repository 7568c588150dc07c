import { Prepare } from "./Prepare.ts";
import { trainerRun } from "./trainer.ts";

export const prepareRun = trainerRun(Prepare);
