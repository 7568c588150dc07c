/** Builds elements. Every text goes in as text, with its hidden characters made visible: nothing here parses HTML. */
import { visible } from "../transcript/visible.ts";

type Child = Node | string | undefined;

export const element = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: ReadonlyArray<Child>
): HTMLElementTagNameMap[Name] => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  for (const child of children)
    if (child !== undefined) made.append(typeof child === "string" ? visible(child) : child);
  return made;
};

/** A labelled choice; values by the texts that stand for them. */
export const choice = (
  label: string,
  value: string,
  options: ReadonlyArray<readonly [value: string, text: string]>,
  change: (value: string) => void,
): HTMLElement => {
  const select = element(
    "select",
    {},
    ...options.map(([each, text]) => {
      const option = element("option", {}, text);
      option.value = each;
      return option;
    }),
  );
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  return element("label", {}, element("span", {}, label), select);
};
