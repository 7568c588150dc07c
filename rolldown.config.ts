import { defineConfig } from "rolldown";

export default defineConfig({
  input: { pipe: "bin/pipe.ts" },
  platform: "node",
  output: { dir: "dist", format: "esm", minify: true, cleanDir: true },
});
