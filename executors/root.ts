/** Where pipe itself is installed: `trainers/` and the supervisor are run from there, bundled or not. */
import path from "node:path";
import { fileURLToPath } from "node:url";

// One folder below the root, in the source (executors/) as in the bundle (dist/).
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
