/** Shows a run's events while they happen: a live part in a terminal, plain lines elsewhere, JSON lines for programs. */
import { Clock, Effect, Layer } from "effect";
import { Events } from "../../pipelines/Events.ts";
import { gatheredWriter } from "./gatheredWriter.ts";
import { jsonLine } from "./jsonLine.ts";
import { advance, emptyView, liveLines, type RenderOptions } from "./RunView.ts";
import { styleFor } from "./style.ts";

const framesPerSecond = 8;

/** What a person may type next. */
type Commands = Pick<RenderOptions, "again" | "only">;

export const eventsLayer = ({
  json,
  ...commands
}: Commands & { readonly json: boolean }): Layer.Layer<Events> =>
  json ? jsonLayer : personLayer(commands);

const jsonLayer = Layer.effect(
  Events,
  Effect.map(gatheredWriter(process.stdout), (write) =>
    Events.of({ publish: (event) => Effect.sync(() => write(jsonLine(event))) }),
  ),
);

const personLayer = (commands: Commands) =>
  Layer.effect(
    Events,
    Effect.gen(function* () {
      const { stderr } = process;
      const write = yield* gatheredWriter(stderr);
      const live =
        stderr.isTTY === true && process.env["CI"] === undefined && process.env["TERM"] !== "dumb";
      const options = { style: styleFor(stderr), live, ...commands };
      let view = emptyView;
      // A terminal that does not know its size says 0.
      const screen = () => ({ columns: stderr.columns || 80, rows: stderr.rows || 24 });
      let liveHeight = 0;
      const erase = () => (liveHeight === 0 ? "" : `\u001B[${liveHeight}A\u001B[0J`);
      const draw = (lines: ReadonlyArray<string>, now: number) => {
        const moving = live ? liveLines(view, now, screen(), options.style) : [];
        const text = [...lines, ...moving].map((line) => `${line}\n`).join("");
        if (text !== "" || liveHeight > 0) write(erase() + text);
        liveHeight = moving.length;
      };
      if (live) {
        const frame = Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.sync(() => draw([], now)),
        );
        yield* Effect.forkScoped(
          Effect.forever(Effect.andThen(Effect.sleep(1000 / framesPerSecond), frame)),
        );
      }
      return Events.of({
        publish: (event) =>
          Effect.sync(() => {
            const [next, lines] = advance(view, event, options);
            view = next;
            if (lines.length > 0) draw(lines, Date.parse(event.at));
          }),
      });
    }),
  );
