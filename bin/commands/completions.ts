/** Shell completions: a short script for each shell, which asks `pipe complete` for the candidates. */
import { Console } from "effect";
import { Argument, Command, type Completions } from "effect/cli";
import fs from "node:fs";
import path from "node:path";
import { compile } from "../../pipelines/experiment/Compile.ts";
import { Source } from "../../pipelines/experiment/Source.ts";
import { runNames } from "../../pipelines/history/RunHistory.ts";
import { readRunPlan } from "../../pipelines/history/RunPlan.ts";
import { stages } from "../../stages/stages.ts";
import { candidates, type Names } from "../completion.ts";
import { project, storeHome, readFile } from "./project.ts";

const bash = `_pipe() {
  local line=\${COMP_LINE:0:COMP_POINT} words answers answer typed
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  typed=\${words[-1]}
  mapfile -t answers < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  for answer in "\${answers[@]}"; do
    if [[ $answer == :files ]]; then
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$typed")
      compopt -o filenames
    else
      # Bash splits words at = and : and replaces only what follows the last of them.
      COMPREPLY+=("\${answer#"\${typed%"\${COMP_WORDS[COMP_CWORD]}"}"}")
    fi
  done
}
complete -F _pipe pipe
`;

const zsh = `#compdef pipe
_pipe() {
  local -a answers
  answers=("\${(@f)$("\${words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if (( \${answers[(Ie):files]} )); then _files; fi
  compadd -Q -- "\${(@q)answers:#:files}"
}
compdef _pipe pipe
`;

const fish = `function __pipe_complete
  set -l words (commandline -opc) (commandline -ct)
  for answer in ($words[1] complete -- $words[2..] 2>/dev/null)
    if test "$answer" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $answer
    end
  end
end
complete -c pipe -f -a '(__pipe_complete)'
`;

const scripts = { bash, zsh, fish };

export const completionsCommand = Command.make(
  "completions",
  {
    shell: Argument.Literals("shell", ["bash", "zsh", "fish"]).pipe(
      Argument.withDescription("the shell to print a script for"),
    ),
  },
  ({ shell }) => Console.log(scripts[shell].trimEnd()),
).pipe(
  Command.withDescription("Print a script that completes pipe's commands, files, runs and nodes"),
  Command.withExamples([
    { command: "source <(pipe completions bash)", description: "in ~/.bashrc" },
    { command: "pipe completions fish | source", description: "in config.fish" },
  ]),
);

/** `root` is the whole command line, which includes this command. */
export const completeCommand = (root: () => Completions.CommandDescriptor) =>
  Command.make(
    "complete",
    { words: Argument.String("word").pipe(Argument.atLeast(0)) },
    ({ words }) => Console.log(candidates(root(), words, names).join("\n")),
  ).pipe(
    Command.withDescription(
      "Print the candidates for the last word; called by the shells' scripts",
    ),
    Command.unlisted,
  );

const names: Names = {
  runs: () => quietly(() => runNames(storeHome())),
  nodes: () =>
    quietly(() => {
      const latest = runNames(storeHome()).at(-1);
      const plan = latest === undefined ? undefined : readRunPlan(storeHome(), latest);
      return (plan?.nodes ?? []).map(({ node }) => node);
    }),
  nodesOf: (experiment) =>
    quietly(() => {
      const source = new Source(experiment, readFile(experiment).toString("utf8"));
      const { graph } = compile(source, { set: [], axis: [] }, stages);
      return [...new Set((graph?.nodes ?? []).flatMap(({ stageName, name }) => [stageName, name]))];
    }),
  stages: () => [...stages.keys()],
  experiments: () =>
    quietly(() =>
      fs
        .readdirSync(path.join(project(), "experiments"), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".yaml"))
        .map((file) => path.join("experiments", file))
        .toSorted(),
    ),
};

/** Completion shows no candidates instead of an error. */
const quietly = (look: () => ReadonlyArray<string>): ReadonlyArray<string> => {
  try {
    return look();
  } catch {
    return [];
  }
};
