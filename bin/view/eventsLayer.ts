/** Shows a run's events as they happen: a moving part in a terminal, plain lines elsewhere, JSON lines for programs. */
import { Clock, Effect, Layer } from "effect";
import { Events } from "../../pipelines/run/Events.ts";
import type { Event } from "../../schemas/Event.ts";
import { batchedWriter } from "./batchedWriter.ts";
import { foldText } from "./foldText.ts";
import { jsonLine } from "./jsonLine.ts";
import { countsText, liveLines } from "./liveLines.ts";
import { LiveScreen } from "./LiveScreen.ts";
import { advance, emptyView, type RenderOptions } from "./RunView.ts";
import { styleFor } from "./style.ts";

const framesPerSecond = 8;

/** Logs of CI systems: a job that prints nothing for minutes looks hung and may be killed. */
const heartbeatMillis = 30_000;

/** The commands that a person may type next. */
type Commands = Pick<RenderOptions, "again" | "only">;

export const eventsLayer = ({
  json,
  ...commands
}: Commands & { readonly json: boolean }): Layer.Layer<Events> => {
  if (json) return jsonLayer;
  const { isTTY } = process.stderr;
  const { CI, TERM } = process.env;
  const isLive = isTTY === true && CI === undefined && TERM !== "dumb";
  return isLive ? liveLayer(commands) : plainLayer(commands);
};

const jsonLayer = Layer.effect(
  Events,
  Effect.map(batchedWriter(process.stdout), (write) =>
    Events.of({ publish: (event) => Effect.sync(() => write(jsonLine(event))) }),
  ),
);

const liveLayer = (commands: Commands) =>
  Layer.effect(
    Events,
    Effect.gen(function* () {
      const { stderr } = process;
      const write = yield* batchedWriter(stderr);
      const options = { style: styleFor(stderr), live: true, ...commands };
      const screen = yield* Effect.acquireRelease(
        Effect.sync(() => new LiveScreen(stderr, write)),
        (open) => Effect.sync(() => open.close()),
      );
      let view = emptyView;
      const draw = (lines: ReadonlyArray<string>, now: number) =>
        screen.draw(lines, liveLines(view, now, screen.size, options.style));
      const frame = Effect.map(Clock.currentTimeMillis, (now) => draw([], now));
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep(1000 / framesPerSecond), frame)),
      );
      return Events.of({
        publish: (event) =>
          Effect.sync(() => {
            const { columns } = screen.size;
            const [next, lines] = advance(view, event, { ...options, columns });
            view = next;
            const folded = lines.map((line) => foldText(line, columns));
            if (folded.length > 0) draw(folded, Date.parse(event.at));
          }),
      });
    }),
  );

const plainLayer = (commands: Commands) =>
  Layer.effect(
    Events,
    Effect.gen(function* () {
      const { stderr } = process;
      const write = yield* batchedWriter(stderr);
      const options = { style: styleFor(stderr), live: false, ...commands };
      const isGitHub = process.env["GITHUB_ACTIONS"] === "true";
      let view = emptyView;
      let lastWrite = yield* Clock.currentTimeMillis;
      const print = (lines: ReadonlyArray<string>, now: number) => {
        lastWrite = now;
        write(lines.map((line) => `${line}\n`).join(""));
      };
      const beat = Effect.map(Clock.currentTimeMillis, (now) => {
        if (now - lastWrite < heartbeatMillis || view.active.size === 0) return;
        print([`· ${countsText(view)}`], now);
      });
      if (process.env["CI"] !== undefined)
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("5 seconds"), beat)));
      return Events.of({
        publish: (event) =>
          Effect.sync(() => {
            const [next, lines] = advance(view, event, options);
            view = next;
            if (lines.length > 0)
              print(isGitHub ? foldedFailure(event, lines) : lines, Date.parse(event.at));
          }),
      });
    }),
  );

/** Folds the details of a failure in GitHub's log view; its first line stays visible. */
const foldedFailure = (event: Event, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  event._tag === "NodeFailed" && lines.length > 1
    ? [lines[0]!, `::group::details of ${event.node}`, ...lines.slice(1), "::endgroup::"]
    : lines;
