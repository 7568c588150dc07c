/** True on a machine with an NVIDIA driver: without one no build for CUDA is of use. */
import fs from "node:fs";

export const hasNvidiaDriver = (): boolean => fs.existsSync("/dev/nvidiactl");
