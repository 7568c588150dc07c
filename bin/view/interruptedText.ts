/** The words for an interrupted attempt and what it left for the next one. */
import type { EventOf } from "../../schemas/Event.ts";

const left = {
  job: "its job stays on the cluster",
  checkpoints: "its checkpoints are kept",
  answers: "its answers so far are kept",
  nothing: "it has no checkpoint to continue from",
} as const;

export const interruptedText = (leaves: EventOf<"NodeInterrupted">["leaves"]): string =>
  leaves === undefined ? "interrupted" : `interrupted; ${left[leaves]}`;
