import fs from "node:fs";
import path from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import { packageLicenses } from "./bundle/packageLicenses.ts";
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

/** What verifies a bundle draws nothing and starts no program: what would is not even in it. */
const neverCalled = `() => { throw new Error("verifying draws nothing and starts nothing"); }`;
const notForVerifying: Readonly<Record<string, string>> = {
  "stages/trainer.ts": `export const trainerLocks = []; export const runTrainer = ${neverCalled};`,
  "stages/job.ts": `export const runJob = ${neverCalled}; export const failedJob = ${neverCalled}; export const howItEnded = ${neverCalled};`,
  "tasks/draw/png.ts": `export const encodePng = ${neverCalled};`,
};

const onlyVerifying: Plugin = {
  name: "only-verifying",
  load: {
    filter: { id: /\.ts$/u },
    handler: (id) => notForVerifying[path.relative(import.meta.dirname, id)],
  },
};

/** Node 20.0 has no `hash` yet, only `createHash`. */
const hashOfNode20: Plugin = {
  name: "hash-of-node-20",
  transform: {
    filter: { code: /import \{[^}]*\bhash\b[^}]*\} from "node:crypto"/u },
    handler: (code) =>
      code.replace(
        /import \{([^}]*)\bhash\b([^}]*)\} from "node:crypto";/u,
        `import { $1 createHash as hasherOf $2 } from "node:crypto"; const hash = (name, bytes, form) => hasherOf(name).update(bytes).digest(form);`,
      ),
  },
};

export default defineConfig([
  {
    input: { pipe: "bin/pipe.ts" },
    platform: "node",
    plugins: [embedSources, packageLicenses("pipe.licenses.json"), datedFromItsStart()],
    output: { dir: "dist", format: "esm", minify: true, cleanDir: true },
  },
  // Goes into bundles: a reader may look at it, so it is not minified, and nothing in it tells where it was made.
  {
    input: "bundle/verify/main.ts",
    platform: "node",
    plugins: [onlyVerifying, hashOfNode20, packageLicenses("verify.licenses.json")],
    treeshake: {
      moduleSideEffects: false,
      manualPureFunctions: ["Effect", "Layer", "Context", "Schema"],
    },
    // Comments on where modules come from would say where node_modules lies, and the identity of a bundle with them.
    experimental: { attachDebugInfo: "none" },
    output: { file: "dist/verify.mjs", format: "esm", codeSplitting: false },
  },
]);
