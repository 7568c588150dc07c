import fs from "node:fs";
import path from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import { moduleOf, reach } from "./stages/codeIdentity.ts";
import { typescriptModule } from "./stages/code/typescript.ts";
import { stages } from "./stages/stages.ts";

const bundle = path.join(import.meta.dirname, "dist/pipe.js");

/** The bundle knows the digests of the modules it was made from: nothing is read or parsed for them when it runs. */
const embedSources: Plugin = {
  name: "embed-sources",
  load: {
    filter: { id: /\/stages\/code\/typescript\.ts$/u },
    handler: () => {
      const modules = Object.fromEntries(
        [...stages.values()].flatMap((stage) => [...reach(moduleOf(stage), typescriptModule)]),
      );
      const text = JSON.stringify(JSON.stringify(modules));
      return `let modules; export const typescriptModule = (file) => (modules ??= JSON.parse(${text}))[file];`;
    },
  },
};

/** The bundle is as old as what it was made from: what is edited while it is made is newer than it. */
const datedFromItsStart = (): Plugin => {
  const started = new Date();
  return {
    name: "dated-from-its-start",
    writeBundle: () => fs.utimesSync(bundle, started, started),
  };
};

export default defineConfig({
  input: { pipe: "bin/pipe.ts" },
  platform: "node",
  plugins: [embedSources, datedFromItsStart()],
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true },
});
