/**
 * The vocabulary of a wordy transcript. A model can learn a solver's terse trace to a loss of nearly 0, unlike the reasoning
 * of a language model. Random synonyms and filler sentences keep the loss above 0, as nothing predicts the choice.
 */
import type { Random } from "../stats/Random.ts";

/** Filler sentences for any line of any task. A slot `(a|b|c)` takes one of its words. */
const sentences = [
  "let me (check|verify|confirm) this before I go on .",
  "I want to be (careful|certain|exact) with the next one .",
  "so far this (looks|seems|appears) right to me .",
  "hmm - that (needs|takes|wants) a closer look .",
  "I can (reuse|recall|repeat) what I wrote above .",
  "wait - did I (miss|skip|forget) anything here ?",
  "no - everything (fits|holds|agrees) as it should .",
  "the picture told me what I (need|want|use) here .",
  "one more (step|line|piece) and it gets easier .",
  "okay - (next|now|then) I continue with the rest .",
  "this part is (simple|easy|plain) enough to do at once .",
  "to be (safe|sure|fair) I say it again in words .",
  "there may be (another|some|a) way but this works .",
  "I keep the (result|outcome|answer) in mind for later .",
  "that leaves (fewer|less|other) things to think about .",
  "nothing (strange|odd|new) comes up at this point .",
  "my (plan|idea|method) is to go through them in turn .",
  "alternatively I (could|might|may) begin somewhere else .",
  "good - the (rule|condition|limit) is not broken .",
  "as before I (write|note|put) down what I find .",
].map((sentence) => sentence.split(/\((.*?)\)/u));

const sentence = (random: Random): string =>
  random
    .pick(sentences)
    .map((part, index) => (index % 2 === 0 ? part : random.pick(part.split("|"))))
    .join("");

/** One of the synonyms in `a|b|c`. */
export const synonym = (random: Random, words: string): string => random.pick(words.split("|"));

/** The lines with `filler` random sentences before each and at the end. */
export const withFiller = (lines: ReadonlyArray<string>, filler: number, random: Random): string =>
  [...lines.map((line) => [line]), []]
    .flatMap((line) => [...Array.from({ length: filler }, () => sentence(random)), ...line])
    .join("\n");
