import { Clock, Console, Effect, Option } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { Store } from "../../cache/Store.ts";
import { addTag, allTags, findTag, removeTag } from "../../cache/Tags.ts";
import { UsageError, unknownNameError } from "../UsageError.ts";
import { jsonLine } from "../view/jsonLine.ts";
import { digestPrefix, findArtifact } from "./artifacts.ts";
import { storeHome } from "./project.ts";
import { jsonFlag } from "./specFlags.ts";

export const tagCommand = Command.make(
  "tag",
  {
    name: Argument.String("name").pipe(
      Argument.optional,
      Argument.withDescription("the tag; without it, all tags are listed"),
    ),
    artifact: Argument.String("artifact").pipe(
      Argument.optional,
      Argument.withDescription(
        "the artifact: a digest or its beginning, RUN/NODE, or a node of the latest run",
      ),
    ),
    delete: Flag.Boolean("delete").pipe(
      Flag.withDefault(false),
      Flag.withDescription("delete the tag; the artifact stays until `pipe gc`"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe tag")(function* ({ name, artifact, delete: shouldDelete, json }) {
    const changes = shouldDelete || Option.isSome(artifact);
    const layer = changes ? Store.layer(storeHome()) : Store.layerReadOnly(storeHome());
    const action = tagAction(
      Option.getOrUndefined(name),
      Option.getOrUndefined(artifact),
      shouldDelete,
      json,
    );
    yield* action.pipe(Effect.provide(layer));
  }),
).pipe(
  Command.withDescription(
    "Keep an artifact under a name, even after its run is deleted; or list the names",
  ),
);

const tagAction = (
  name: string | undefined,
  artifact: string | undefined,
  shouldDelete: boolean,
  json: boolean,
) => {
  if (shouldDelete && (name === undefined || artifact !== undefined))
    return new UsageError({ message: "--delete needs one tag; write pipe tag --delete NAME" });
  if (name === undefined) return list(json);
  if (shouldDelete) return remove(name);
  return artifact === undefined ? show(name, json) : add(name, artifact);
};

const list = Effect.fnUntraced(function* (json: boolean) {
  const store = yield* Store;
  const tags = yield* store.change(({ home }) => allTags(home));
  if (json) for (const tag of tags) process.stdout.write(jsonLine(tag));
  else for (const { name, artifact } of tags) yield* Console.log(`${name}  ${artifact}`);
});

const requireTag = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  const tag = yield* store.change(({ home }) => findTag(home, name));
  if (tag !== undefined) return tag;
  const names = (yield* store.change(({ home }) => allTags(home))).map((each) => each.name);
  return yield* unknownNameError("tag", name, names);
});

const show = Effect.fnUntraced(function* (name: string, json: boolean) {
  const tag = yield* requireTag(name);
  if (json) process.stdout.write(jsonLine(tag));
  else yield* Console.log(tag.artifact);
});

const remove = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  yield* requireTag(name);
  yield* store.change(({ home }) => removeTag(home, name));
});

/** No slash, since `RUN/NODE` names an artifact, too. */
const tagName = /^[\p{L}\p{N}][\p{L}\p{N}._=+-]{0,99}$/u;

const add = Effect.fnUntraced(function* (name: string, target: string) {
  if (!tagName.test(name) || digestPrefix.test(name))
    return yield* new UsageError({
      message: `\`${name}\` can't be a tag; use letters, digits and ._=+-, at most 100, starting with a letter or digit, and not like a digest`,
    });
  const store = yield* Store;
  const { digest } = yield* findArtifact(target);
  const taggedAt = new Date(yield* Clock.currentTimeMillis).toISOString();
  const refused = yield* store.change((ledger) =>
    addTag(ledger, { name, artifact: digest, taggedAt }),
  );
  if (refused === "taken")
    return yield* new UsageError({
      message: `${name} already tags another artifact; \`pipe tag --delete ${name}\` frees it`,
    });
  if (refused === "gone")
    return yield* new UsageError({ message: `\`pipe gc\` has just deleted ${target}` });
});
