/** One example: its pictures, p*, and the responses of one or two arms. */
import type { PackedAnswer, PackedSamples } from "../PackedSamples.ts";
import { markTranscript } from "../transcript/markTranscript.ts";
import { element } from "./elements.ts";
import type { Found, Shown } from "./find.ts";

export const sampleView = (
  { examples, reasons }: PackedSamples,
  { arm, beside }: Found,
  { example, one, other }: Shown,
): HTMLElement => {
  const { id, query, perception, picture, clean } = examples[example]!;
  const columns = [
    answerView(arm.name, one, perception, reasons),
    ...(beside === undefined
      ? []
      : [
          other === undefined
            ? element("p", {}, `${beside.name} has no answer to this example.`)
            : answerView(beside.name, other, perception, reasons),
        ]),
  ];
  return element(
    "article",
    { class: "sample" },
    element("h3", {}, id),
    element(
      "div",
      { class: "pictures" },
      image(picture, `What the model saw: ${id}`),
      clean === undefined ? undefined : image(clean, "The same picture without noise"),
    ),
    element("p", { class: "truth" }, "p*: ", element("code", {}, perception)),
    element(
      "details",
      {},
      element("summary", {}, "the prompt"),
      element("pre", { tabindex: "0" }, query),
    ),
    element("div", { class: "columns" }, ...columns),
  );
};

const image = (base64: string, alt: string): HTMLElement =>
  element("img", { src: `data:image/png;base64,${base64}`, alt });

const answerView = (
  arm: string,
  { caption, answer, reason, response, forced }: PackedAnswer,
  perception: string,
  reasons: PackedSamples["reasons"],
): HTMLElement =>
  element(
    "div",
    {},
    element("h4", {}, arm),
    element(
      "p",
      { class: "verdicts" },
      verdict("caption", caption),
      verdict("answer", answer),
      reason === null
        ? undefined
        : element(
            "span",
            {},
            `${reason}: ${Object.hasOwn(reasons, reason) ? reasons[reason] : ""}`,
          ),
    ),
    ...(response === null
      ? [element("p", {}, "The response is not in the store any more.")]
      : transcript(response, perception)),
    forced === null
      ? undefined
      : element(
          "details",
          {},
          element("summary", {}, `given p*: answer ${forced.answer ? "right" : "wrong"}`),
          ...transcript(forced.response, perception),
        ),
  );

const verdict = (of: string, isRight: boolean): HTMLElement =>
  element(
    "span",
    { class: isRight ? "right" : "false" },
    `${isRight ? "✓" : "✗"} ${of} ${isRight ? "right" : "wrong"}`,
  );

const transcript = (response: string, perception: string): ReadonlyArray<HTMLElement> => {
  const { segments, missing } = markTranscript(response, perception);
  const marked = segments.map(({ kind, text }) =>
    kind === "rest" ? text : element("mark", { class: kind }, text),
  );
  return [
    element("pre", { class: "transcript", tabindex: "0" }, ...marked),
    ...(missing.length === 0
      ? []
      : [element("p", { class: "missing" }, `missing in the caption: ${missing.join(" ")}`)]),
  ];
};
