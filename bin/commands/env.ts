import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import type { EnvironmentSpec } from "../../executors/EnvironmentSpec.ts";
import { PythonEnvironment } from "../../executors/PythonEnvironment.ts";
import { environments } from "../../stages/environments.ts";
import { stateText } from "../view/environmentText.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { styleFor } from "../view/style.ts";
import { printText } from "../view/printText.ts";
import { Exit, unknownNameError } from "../UsageError.ts";
import { jsonFlag } from "./specFlags.ts";

const nameArgument = Argument.String("name").pipe(
  Argument.withDescription(`an environment: ${[...environments.keys()].join(", ")}`),
);

const findEnvironment = Effect.fnUntraced(function* (name: string) {
  const found = environments.get(name);
  return found ?? (yield* unknownNameError("environment", name, [...environments.keys()]));
});

const printState = Effect.fnUntraced(function* (
  name: string,
  spec: EnvironmentSpec,
  json: boolean,
) {
  const environment = yield* PythonEnvironment;
  const state = yield* environment.inspect(spec);
  if (json) {
    const identity = yield* environment.identity(spec);
    process.stdout.write(jsonLine({ name, identity, ...state }));
  } else {
    const shownName = styleFor(process.stdout).bold(name.padEnd(widest));
    yield* printText(`${shownName}  ${stateText(name, spec, state)}`);
  }
  return state;
});

const widest = Math.max(...[...environments.keys()].map((name) => name.length));

const listCommand = Command.make(
  "list",
  { json: jsonFlag },
  Effect.fn("pipe env list")(function* ({ json }) {
    for (const [name, spec] of environments) yield* printState(name, spec, json);
  }),
).pipe(Command.withDescription("List the trainers' Python environments"));

const buildCommand = Command.make(
  "build",
  { name: nameArgument },
  Effect.fn("pipe env build")(function* ({ name }) {
    const spec = yield* findEnvironment(name);
    const environment = yield* PythonEnvironment;
    const { python } = yield* environment.ensure(spec, (message) => Console.error(message));
    yield* Console.log(python);
  }),
).pipe(Command.withDescription("Build an environment if it is missing; print its Python"));

const checkCommand = Command.make(
  "check",
  { name: nameArgument, json: jsonFlag },
  Effect.fn("pipe env check")(function* ({ name, json }) {
    const { python, missing = [] } = yield* printState(name, yield* findEnvironment(name), json);
    if (python === undefined || missing.length > 0) return yield* new Exit({ code: 1 });
  }),
).pipe(
  Command.withDescription(
    "Compare the packages of an environment with its lock; exit 1 if some are missing",
  ),
);

export const envCommand = Command.make("env").pipe(
  Command.withDescription("List, build and check the Python environments of the trainers"),
  Command.withSubcommands([listCommand, buildCommand, checkCommand]),
  Command.provide(PythonEnvironment.layer),
);
