/** Bundles the page's script. Only the build and `pipe` run from its sources need it, and with them rolldown. */
import path from "node:path";
import { rolldown } from "rolldown";

export const bundleBrowser = async (): Promise<string> => {
  const bundle = await rolldown({
    input: path.join(import.meta.dirname, "browser/main.ts"),
    platform: "browser",
  });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  return output[0].code.trim();
};
