/** `Map.groupBy`, which Node 20 lacks; a bundle's `verify.mjs` runs there. */
export const groupBy = <Item, Key>(
  items: Iterable<Item>,
  keyOf: (item: Item) => Key,
): Map<Key, Array<Item>> => {
  const groups = new Map<Key, Array<Item>>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
};
