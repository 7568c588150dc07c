/**
 * Makes a page equal to its next version, changing only what differs: focus, selection, scroll positions and open parts stay
 * wherever the new version has the same elements.
 */

/** Elements that the script made are in no version. */
export const ownClass = "own";

const isOwn = (node: Node): boolean => node instanceof Element && node.classList.contains(ownClass);

/** `keeps` says which elements stay as they are. */
export const takeOver = (now: Element, next: Element, keeps: (now: Element) => boolean): void => {
  if (keeps(now)) return;
  copyAttributes(now, next);
  const old = [...now.childNodes].filter((node) => !isOwn(node));
  const fresh = [...next.childNodes];
  const isSameShape =
    old.length === fresh.length &&
    old.every(({ nodeName }, index) => nodeName === fresh[index]!.nodeName);
  if (!isSameShape) return now.replaceChildren(...fresh);
  for (const [index, node] of old.entries()) {
    const other = fresh[index]!;
    if (node instanceof Element && other instanceof Element) takeOver(node, other, keeps);
    else if (node.nodeValue !== other.nodeValue) node.nodeValue = other.nodeValue;
  }
};

const copyAttributes = (now: Element, next: Element): void => {
  // A reader opens parts, and no version has an open one.
  for (const name of now.getAttributeNames())
    if (name !== "open" && !next.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of next.attributes)
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
};
