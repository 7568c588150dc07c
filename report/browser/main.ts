/** The script of a report's page. */
import type { PackedSamples } from "../PackedSamples.ts";
import { Browser } from "./Browser.ts";
import { element } from "./elements.ts";
import { noState, stateIn } from "./State.ts";

const unpack = async (base64: string): Promise<PackedSamples> => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as PackedSamples;
};

/** Replaces the fixed samples by the browser; where anything fails, they stay. */
const browse = async (): Promise<void> => {
  const place = document.getElementById("browser");
  const base64 = document.getElementById("data")?.textContent ?? "";
  if (place === null || base64 === "") return;
  const samples = await unpack(base64);
  if (samples.arms.length === 0) return;
  const state = stateIn(location.hash);
  const browser = new Browser(samples, place, state ?? noState);
  place.hidden = false;
  document.getElementById("fixed")!.hidden = true;
  if (state !== undefined) document.getElementById("samples")?.scrollIntoView();
  window.addEventListener("hashchange", () => {
    const next = stateIn(location.hash);
    if (next !== undefined) browser.show(next);
  });
};

const addCopyButtons = (): void => {
  for (const pre of document.querySelectorAll<HTMLElement>("pre[data-copy]")) {
    const button = element("button", { type: "button" }, `copy ${pre.dataset["copy"]}`);
    button.addEventListener("click", () => {
      void navigator.clipboard.writeText(pre.textContent ?? "").then(
        () => (button.textContent = "copied"),
        () => getSelection()?.selectAllChildren(pre),
      );
    });
    pre.before(button);
  }
};

addCopyButtons();
void browse();
