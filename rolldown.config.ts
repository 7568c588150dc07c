import fs from "node:fs";
import path from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import { bundleBrowser } from "./report/bundleBrowser.ts";
import { packageLicenses } from "./scripts/packageLicenses.ts";
import { typescriptOf } from "./stages/codeIdentity.ts";
import { stages } from "./stages/stages.ts";

const bundle = path.join(import.meta.dirname, "dist/pipe.js");

/** The bundle knows the digests of the modules it was made from: nothing is read or parsed for them when it runs. */
const embedSources: Plugin = {
  name: "embed-sources",
  load: {
    filter: { id: /\/stages\/code\/typescript\.ts$/u },
    handler: () => {
      const modules = Object.fromEntries(
        [...stages.values()].flatMap((stage) => [...typescriptOf(stage)]),
      );
      const text = JSON.stringify(JSON.stringify(modules));
      return `let modules; export const typescriptModule = (file) => (modules ??= JSON.parse(${text}))[file];`;
    },
  },
};

/** Reports are a file of their own: sharing modules with it would split `pipe.js`, and every command would start slower. */
const reportApart: Plugin = {
  name: "report-apart",
  resolveId: {
    filter: { id: /\/report\/report\.ts$/u },
    handler: () => ({ id: "./report.js", external: true }),
  },
};

/** The script of reports is a text in the bundle. */
const embedBrowserScript: Plugin = {
  name: "embed-browser-script",
  load: {
    filter: { id: /\/report\/browserScript\.ts$/u },
    handler: async () =>
      `export const browserScript = async () => ${JSON.stringify(await bundleBrowser())};`,
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

export default defineConfig([
  {
    input: { pipe: "bin/pipe.ts" },
    platform: "node",
    plugins: [
      embedSources,
      reportApart,
      packageLicenses("pipe.licenses.json"),
      datedFromItsStart(),
    ],
    output: { dir: "dist", format: "esm", minify: true, cleanDir: true },
  },
  {
    input: "report/report.ts",
    platform: "node",
    // They read files of their own, and only `pipe figures` loads them.
    external: ["@resvg/resvg-js", "pdfkit", "subset-font", "svg-to-pdfkit"],
    plugins: [embedBrowserScript, packageLicenses("report.licenses.json")],
    output: { file: "dist/report.js", format: "esm", minify: true, codeSplitting: false },
  },
  // Goes into bundles: a reader may look at it, so it is not minified, and nothing in it tells where it was made.
  {
    input: "bundle/verify/main.ts",
    platform: "node",
    plugins: [packageLicenses("verify.licenses.json")],
    treeshake: {
      moduleSideEffects: false,
      manualPureFunctions: ["Effect", "Layer", "Context", "Schema"],
    },
    // Comments on where modules come from would say where node_modules lies, and the identity of a bundle with them.
    experimental: { attachDebugInfo: "none" },
    output: { file: "dist/verify.mjs", format: "esm", codeSplitting: false },
  },
]);
