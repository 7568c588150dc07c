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
      Argument.withDescription("the tag; without one all are listed"),
    ),
    artifact: Argument.String("artifact").pipe(
      Argument.optional,
      Argument.withDescription(
        "what to keep: a digest or its beginning, RUN/NODE, or a node of the latest run",
      ),
    ),
    delete: Flag.Boolean("delete").pipe(
      Flag.withDefault(false),
      Flag.withDescription("take the tag away; the artifact stays until gc"),
    ),
    json: jsonFlag,
  },
  Effect.fn("pipe tag")(function* ({ name, artifact, delete: isGone, json }) {
    const changes = isGone || Option.isSome(artifact);
    const layer = changes ? Store.layer(storeHome()) : Store.layerReadOnly(storeHome());
    const said = Option.getOrUndefined(name);
    const meant = Option.getOrUndefined(artifact);
    yield* act(said, meant, isGone, json).pipe(Effect.provide(layer));
  }),
).pipe(
  Command.withDescription(
    "Keep an artifact under a name, whatever becomes of its run; list such names",
  ),
);

const act = (
  name: string | undefined,
  artifact: string | undefined,
  isGone: boolean,
  json: boolean,
) => {
  if (isGone && (name === undefined || artifact !== undefined))
    return new UsageError({ message: "--delete takes a tag, and nothing else" });
  if (name === undefined) return list(json);
  if (isGone) return remove(name);
  return artifact === undefined ? show(name, json) : add(name, artifact);
};

const list = Effect.fnUntraced(function* (json: boolean) {
  const store = yield* Store;
  const tags = yield* store.query(allTags);
  if (json) for (const tag of tags) process.stdout.write(jsonLine(tag));
  else for (const { name, artifact } of tags) yield* Console.log(`${name}  ${artifact}`);
});

const known = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  const tag = yield* store.query((index) => findTag(index, name));
  if (tag !== undefined) return tag;
  const names = (yield* store.query(allTags)).map((each) => each.name);
  return yield* unknownNameError("tag", name, names);
});

const show = Effect.fnUntraced(function* (name: string, json: boolean) {
  const tag = yield* known(name);
  if (json) process.stdout.write(jsonLine(tag));
  else yield* Console.log(tag.artifact);
});

const remove = Effect.fnUntraced(function* (name: string) {
  const store = yield* Store;
  yield* known(name);
  yield* store.query((index) => removeTag(index, name));
});

/** A letter or digit first; what reads as a digest, or as a run with a node, would hide those. */
const fit = /^[\p{L}\p{N}][\p{L}\p{N}._=+-]{0,99}$/u;

const add = Effect.fnUntraced(function* (name: string, wanted: string) {
  if (!fit.test(name) || digestPrefix.test(name))
    return yield* new UsageError({
      message: `${name} can't be a tag: letters, digits and ._=+- (not such as a digest begins with), at most 100`,
    });
  const store = yield* Store;
  const { digest } = yield* findArtifact(wanted);
  const taggedAt = new Date(yield* Clock.currentTimeMillis).toISOString();
  const refused = yield* store.query((index) =>
    addTag(index, { name, artifact: digest, taggedAt }),
  );
  if (refused === "taken")
    return yield* new UsageError({
      message: `${name} is the tag of another artifact; pipe tag --delete ${name} makes it free`,
    });
  if (refused === "gone")
    return yield* new UsageError({ message: `${wanted} has just been taken away by pipe gc` });
});
