/** Which build of PyTorch a machine needs: PyPI's for Linux brings gigabytes of CUDA, which no machine without an NVIDIA driver can use. */
import { hasNvidiaDriver } from "../schemas/hasNvidiaDriver.ts";
import { packageName, type Requirements } from "./LockFile.ts";

/** Has PyTorch's builds for processors, and their versions end in `+cpu`: pip prefers them to builds without such a label. */
const processorIndex = "https://download.pytorch.org/whl/cpu";

/**
 * pip's arguments that install a lock's PyTorch alone, in its build for processors where pip reaches PyTorch's index, else in
 * the one that pip's own settings find. Undefined where PyPI's build is the right one. The index is asked for this package
 * alone, and not for long: it may be out of reach.
 */
export const processorTorch = (requirements: Requirements): ReadonlyArray<string> | undefined => {
  if (process.platform !== "linux" || hasNvidiaDriver()) return undefined;
  const torch = requirements.find((requirement) => packageName(requirement) === "torch");
  if (torch === undefined) return undefined;
  const index = ["--extra-index-url", processorIndex, "--timeout", "15", "--retries", "2"];
  return ["--no-deps", ...index, torch];
};
