/**
 * A model behind an OpenAI-compatible endpoint. A failure that may pass (429, 408, 425, 5xx, a broken connection, silence, a
 * reply that is no completion) is retried with growing pauses and jitter; a pause that the server asks for holds for all
 * requests. The key goes into one header, and no file, log or message has it.
 *
 * `trainers/endpoint.py` does the same inside a training, whose process is Python's. A teacher should not need PyTorch.
 */
import { Data, Effect, Result } from "effect";
import { type Completion, readCompletion } from "./Completion.ts";
import { type HttpReply, postJson } from "./postJson.ts";
import { RequestFailed, Retries, tries } from "./Retries.ts";
import { retryAfterSeconds } from "./retryAfter.ts";

/** A server that asks for more is not about to answer. */
const longestAskedSeconds = 900;
const quotedCharacters = 300;
const passingStatuses = new Set([408, 425, 429]);

/** The endpoint does not answer, and asking it again is no use. */
export class EndpointRefused extends Data.TaggedError("EndpointRefused")<{
  readonly message: string;
  readonly fix: string;
}> {}

export interface EndpointAddress {
  readonly url: string;
  readonly key: string | undefined;
  readonly timeoutSeconds: number;
}

export class ChatEndpoint {
  private readonly address: EndpointAddress;
  private readonly retries: Retries;

  constructor(
    address: EndpointAddress,
    onFailure: (failure: RequestFailed) => Effect.Effect<void>,
  ) {
    this.address = address;
    this.retries = new Retries(onFailure);
  }

  readonly ask = (body: string): Effect.Effect<Completion, EndpointRefused> =>
    this.retries.run(this.request(body)).pipe(
      Effect.catchTag("RequestFailed", ({ message }) =>
        Effect.fail(
          new EndpointRefused({
            message: `${message}, the last of ${tries} times`,
            fix: "run the same command again once it answers: replies so far are kept",
          }),
        ),
      ),
    );

  private request(body: string): Effect.Effect<Completion, RequestFailed | EndpointRefused> {
    const { url, key, timeoutSeconds } = this.address;
    const target = `${url.replace(/\/+$/u, "")}/chat/completions`;
    const headers: Record<string, string> =
      key === undefined ? {} : { authorization: `Bearer ${key}` };
    return Effect.tryPromise({
      try: (signal) => postJson(target, headers, body, signal),
      catch: (cause) => this.brokenConnection(cause as NodeJS.ErrnoException),
    }).pipe(
      Effect.timeoutOrElse({
        duration: 1000 * timeoutSeconds,
        orElse: () =>
          Effect.fail(this.passing("timeout", `did not answer within ${timeoutSeconds} s`)),
      }),
      Effect.flatMap((reply) => Effect.fromResult(this.read(reply))),
    );
  }

  private read(reply: HttpReply): Result.Result<Completion, RequestFailed | EndpointRefused> {
    if (reply.status !== 200) return Result.fail(this.statusFailure(reply));
    const completion = readCompletion(reply.text);
    return completion === undefined
      ? Result.fail(
          this.passing(
            "malformed",
            `answered with something that is no chat completion (${reply.text.length} characters)`,
          ),
        )
      : Result.succeed(completion);
  }

  private statusFailure({
    status,
    meaning,
    headers,
    text,
  }: HttpReply): RequestFailed | EndpointRefused {
    const said = `answered ${status} (${meaning})`;
    // Without its words, since some servers quote the key.
    if (status === 401 || status === 403)
      return this.refused(
        said,
        "set `key_env` to the name of a variable with a key that is valid here",
      );
    if (status >= 300 && status < 400)
      return this.refused(said, "give the address that it moved to; redirects are not followed");
    const quoted = `${said}${this.quote(text)}`;
    if (!passingStatuses.has(status) && status < 500)
      return this.refused(
        quoted,
        "check `url`, which ends where /chat/completions begins, `model`, `max_tokens` and `extra`",
      );
    const waitSeconds = retryAfterSeconds(headers["retry-after"], Date.now());
    return waitSeconds > longestAskedSeconds
      ? this.refused(
          `${quoted} and asks to wait for ${Math.round(waitSeconds)} s`,
          "run the same command again after that time: replies so far are kept",
        )
      : this.passing(String(status), quoted, waitSeconds);
  }

  private quote(text: string): string {
    const { key } = this.address;
    const withoutKey = key === undefined ? text : text.replaceAll(key, "…");
    const words = withoutKey.replaceAll(/\s+/gu, " ").trim();
    return words === "" ? "" : `: ${words.slice(0, quotedCharacters)}`;
  }

  private brokenConnection(cause: NodeJS.ErrnoException): RequestFailed | EndpointRefused {
    const reason = cause.code ?? cause.message;
    return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/u.test(reason)
      ? this.refused(
          `has a certificate that can't be verified (${reason})`,
          "check the address, or name the authority's file in NODE_EXTRA_CA_CERTS",
        )
      : this.passing("connection", `can't be reached, or the connection broke (${reason})`);
  }

  private passing(kind: string, text: string, waitSeconds = 0): RequestFailed {
    return new RequestFailed({ kind, message: `${this.subject} ${text}`, waitSeconds });
  }

  private refused(text: string, fix: string): EndpointRefused {
    return new EndpointRefused({ message: `${this.subject} ${text}`, fix });
  }

  private get subject(): string {
    return `the endpoint ${new URL(this.address.url).host}`;
  }
}
