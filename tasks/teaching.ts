/** The message to a teacher that reads text, and the transcript that its reply gives. */
import { captionText } from "./transcript.ts";

/** Fills in a prompt with {query} and {perception}. */
export const teachingPrompt = (template: string, query: string, perception: string): string =>
  template.replace(/\{(query|perception)\}/gu, (_, name) =>
    name === "query" ? query : perception,
  );

export interface TeacherText {
  /** Without its tags; empty if there is none. */
  readonly thinking: string;
  readonly reply: string;
  /** The thinking has no end, so there is no reply. */
  readonly isUnfinished: boolean;
}

const [open, close] = ["<think>", "</think>"];

/** Takes the thinking off a reply. Some chat templates write the opening tag into the prompt, so it may be missing. */
export const splitThinking = (content: string): TeacherText => {
  const end = content.lastIndexOf(close);
  const start = content.indexOf(open);
  if (end < 0 && start >= 0)
    return { thinking: content.slice(start + open.length).trim(), reply: "", isUnfinished: true };
  if (end < 0) return { thinking: "", reply: content.trim(), isUnfinished: false };
  const thinking = content.slice(0, end).replace(open, "").trim();
  return { thinking, reply: content.slice(end + close.length).trim(), isUnfinished: false };
};

/** The caption p*, the reasoning and the answer; a caption at the beginning of the reply gives way to p*. */
export const taughtTranscript = (perception: string, thinking: string, reply: string): string => {
  const rest = reply.replace(/^\s*<caption>[^]*?<\/caption>\s*/u, "");
  return [captionText(perception), thinking, rest].filter((part) => part !== "").join("\n");
};
