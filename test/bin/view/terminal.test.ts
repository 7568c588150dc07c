/** The live part in a terminal: drawn, redrawn, and erased at the end. */
import { assert, it } from "@effect/vitest";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { inRig, puppet, type Rig } from "../../rig/Rig.ts";
import { root } from "../../rig/build.ts";

it(
  "a run in a terminal without a size is shown and ends",
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
    assert.include(shown, "  0/1 node · 1 running");
    assert.include(shown, "\u001B[2A\u001B[0J", "the moving part is erased");
    assert.include(shown, "\u001B[?25l", "the cursor is hidden");
    assert.match(shown, /done in .+ 1 made, 0 cached\r?\n/u);
    assert.strictEqual(shown.lastIndexOf("\u001B[?25h") > shown.lastIndexOf("\u001B[?25l"), true);
  }),
);

/** What a terminal of that many columns shows. */
const shownIn = (columns: number, rig: Rig, ...args: ReadonlyArray<string>): string => {
  const words = [path.join(root, "bin/pipe"), ...args];
  const inTerminal = [
    "import fcntl, os, pty, struct, sys, termios",
    "pid, master = pty.fork()",
    "if pid == 0:",
    `    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 40, ${columns}, 0, 0))`,
    `    os.execv(${JSON.stringify(words[0])}, ${JSON.stringify(words)})`,
    "def chunk():",
    "    try: return os.read(master, 65536)",
    "    except OSError: return b''",
    "for part in iter(chunk, b''): sys.stdout.buffer.write(part)",
    "os.waitpid(pid, 0)",
  ].join("\n");
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TERM: "xterm", NO_COLOR: "1" };
  const options = { cwd: rig.directory, env, encoding: "utf8", timeout: 60_000 } as const;
  return execFileSync("python3", ["-c", inTerminal], options);
};

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
      const shown = stripVTControlCharacters(shownIn(60, rig, ...args));
      for (const line of shown.split(/\r?\n/u)) assert.isAtMost(line.length, 60, line);
      assert.include(shown, "simulations[condition=a-rather-long-label]");
    }
  }),
);
