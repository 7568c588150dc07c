/** The share of a GPU's memory that a server takes: its part of what the node has, so that `gpus: 0.5` leaves the other half alone. */
export const gpuMemory = (share: number, gpus: number): number =>
  gpus > 0 && gpus < 1 ? share * gpus : share;
