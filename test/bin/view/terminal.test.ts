/** The live part in a terminal: drawn, redrawn, and erased at the end. */
import { assert, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { inRig, puppet, type Rig, waitFor } from "../../rig/Rig.ts";
import { root } from "../../rig/build.ts";

/** The screen of a terminal of so many columns, 0 for one without a size. Writes the file `go` once all of `awaited` was shown. */
const shownIn = (
  columns: number,
  rig: Rig,
  args: ReadonlyArray<string>,
  awaited: ReadonlyArray<string> = [],
): string => {
  const words = [path.join(root, "bin/pipe"), ...args];
  const inTerminal = [
    "import fcntl, os, pty, struct, sys, termios",
    "pid, master = pty.fork()",
    "if pid == 0:",
    `    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", ${columns && 40}, ${columns}, 0, 0))`,
    `    os.execv(${JSON.stringify(words[0])}, ${JSON.stringify(words)})`,
    "def chunk():",
    "    try: return os.read(master, 65536)",
    "    except OSError: return b''",
    "seen = b''",
    "for part in iter(chunk, b''):",
    "    seen += part",
    `    if all(word.encode() in seen for word in ${JSON.stringify(awaited)}): open("go", "w").close()`,
    "sys.stdout.buffer.write(seen)",
    "os.waitpid(pid, 0)",
  ].join("\n");
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TERM: "xterm", NO_COLOR: "1" };
  const options = { cwd: rig.directory, env, encoding: "utf8", timeout: 240_000 } as const;
  return execFileSync("python3", ["-c", inTerminal], options);
};

it(
  "a run in a terminal without a size is shown and ends",
  inRig(async (rig) => {
    const does = waitFor("go");
    rig.write(
      "e.yaml",
      `name: e\nstages: { a: { use: command, with: { run: ${puppet("a", { does })} } } }\n`,
    );
    const erased = "\u001B[2A\u001B[0J";
    const shown = shownIn(0, rig, ["run", "e.yaml"], ["  0/1 node · 1 running", erased]);
    assert.match(shown, /▸ a +\d+(?:\.\d)? s/u);
    assert.include(shown, "  0/1 node · 1 running");
    assert.include(shown, erased, "the moving part is erased");
    assert.include(shown, "\u001B[?25l", "the cursor is hidden");
    assert.match(shown, /done in .+ 1 made, 0 cached\r?\n/u);
    assert.strictEqual(shown.lastIndexOf("\u001B[?25h") > shown.lastIndexOf("\u001B[?25l"), true);
  }),
);

it(
  "no line is wider than a narrow terminal",
  inRig(async (rig) => {
    const run = puppet("a");
    rig.write(
      "e.yaml",
      `name: e\naxes: { condition: [{ label: a-rather-long-label, value: 1 }] }\nstages: { simulations: { use: command, with: { run: ${run}, env: { X: "\${condition}" } } } }\n`,
    );
    for (const args of [
      ["run", "e.yaml"],
      ["status"],
      ["why", "e.yaml", "simulations"],
      ["plan", "e.yaml", "--force", "simulations"],
    ]) {
      const shown = stripVTControlCharacters(shownIn(60, rig, args));
      for (const line of shown.split(/\r?\n/u)) assert.isAtMost(line.length, 60, line);
      assert.include(shown, "simulations[condition=a-rather-long-label]");
    }
  }),
);
