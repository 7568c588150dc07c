import { Effect, Duration } from "effect";
import { Executor } from "./Executor.ts";
import { Local } from "./Local.ts";
import { mkdtempSync, readFileSync } from "node:fs";
const dir = mkdtempSync("/tmp/job-");
const job = (id: string, command: any, extra = {}) => ({
  id,
  command,
  directory: dir,
  cwd: dir,
  environment: {},
  cpus: 1,
  ...extra,
});
await Effect.runPromise(
  Effect.gen(function* () {
    const ex = yield* Executor;
    const go = (j: any) =>
      ex
        .run(j, (e) => Effect.sync(() => console.log("event", e)))
        .pipe(
          Effect.exit,
          Effect.map((x) => console.log(j.id, JSON.stringify(x))),
        );
    yield* go(
      job("a", [
        "sh",
        "-c",
        `env | sort; echo '{"event":"log","level":"info","message":"hi"}' >> events.jsonl; printf '{"event":"log"' >> events.jsonl; exit 3`,
      ]),
    );
    yield* go(job("b", ["nope"]));
    yield* go(job("c", ["sh", "-c", "kill -9 $$"]));
    yield* go(job("d", ["sleep", "100"], { timeout: Duration.millis(300) }));
  }).pipe(Effect.provide(Local.layer)),
);
console.log(readFileSync(dir + "/log", "utf8"));
