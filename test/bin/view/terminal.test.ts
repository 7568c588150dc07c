/** The live part as a terminal gets it: drawn, taken back, and gone at the end. */
import { assert, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { inRig, puppet } from "../../rig/Rig.ts";
import { root } from "../../rig/build.ts";

it(
  "a run in a terminal that does not know its size is shown and ends",
  inRig(async (rig) => {
    const does = "sleep 0.6";
    rig.write(
      "e.yaml",
      `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does })} } } }\n`,
    );
    const words = [path.join(root, "bin/pipe"), "run", "e.yaml"];
    const inTerminal = `import pty; pty.spawn(${JSON.stringify(words)})`;
    const { PATH, HOME } = process.env;
    const shown = execFileSync("python3", ["-c", inTerminal], {
      cwd: rig.directory,
      env: { PATH, HOME, TERM: "xterm", NO_COLOR: "1" },
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.match(shown, /▸ a +\d\.\d s/u);
    assert.include(shown, "  0/1 nodes");
    assert.include(shown, "\u001B[2A\u001B[0J", "the live part is taken back");
    assert.match(shown, /done in .+ 1 made, 0 cached\r?\n$/u);
  }),
);
