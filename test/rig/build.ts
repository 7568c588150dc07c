/** Builds the bundle that `bin/pipe` runs, once before all tests. */
import { execFileSync } from "node:child_process";
import path from "node:path";

export const root = path.join(import.meta.dirname, "../..");

/** A source of this checkout that is newer than its bundle, as `bin/pipe` looks for it; undefined where none is. */
export const staleSource = (checkout: string): string | undefined => {
  const script = '. "$root/scripts/stale.sh"; printf %s "$stale"';
  const env = { ...process.env, root: checkout };
  return execFileSync("sh", ["-c", script], { env, encoding: "utf8" }) || undefined;
};

/** A build replaces `dist/` under the feet of whoever runs it, so there is one only where something has changed. */
export const setup = (): void => {
  if (staleSource(root) !== undefined) build(root);
};

export const build = (checkout: string): void => {
  const bin = path.join(checkout, "node_modules/.bin");
  execFileSync(path.join(bin, "node"), [path.join(bin, "rolldown"), "-c", "--log-level", "warn"], {
    cwd: checkout,
    stdio: ["ignore", "ignore", "inherit"],
  });
};
