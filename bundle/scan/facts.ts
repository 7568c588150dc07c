/**
 * The facts about machines (`pipelines/machine.ts`) that a bundle may name. One that is not listed here is not written, and neither is
 * a value that does not look as it should: names of users, hosts and directories have nowhere to stand.
 */

/** What a value must look like; why it tells nothing about a person is said beside it. */
const allowed: Readonly<Record<string, RegExp>> = {
  // Families of systems have millions of machines.
  os: /^[A-Za-z][A-Za-z0-9 _-]{0,30}(?: \d{1,5}(?:\.\d{1,5}){0,2})?$/,
  // Without the rest, in which people who build their own kernels put names.
  kernel: /^\d{1,3}\.\d{1,3}$/,
  platform: /^[a-z0-9]{2,12} [a-z0-9]{2,12}$/,
  // What is printed on the chip, sold to many.
  cpu: /^[A-Za-z0-9(][A-Za-z0-9 ()@.,+/_-]{0,100}$/,
  cores: /^\d{1,5}$/,
  // Rounded, since odd sizes belong to one virtual machine.
  memory: /^\d{1,6} GB$/,
  gpus: /^[A-Za-z0-9][A-Za-z0-9 ()×;.,+/_-]{0,300}$/,
  // Of a driver that everybody downloads.
  driver: /^\d{1,5}(?:\.\d{1,5}){1,3}$/,
  node: /^v\d{1,3}\.\d{1,4}\.\d{1,4}$/,
};

/** Those of `facts` that may be published. */
export const publishableFacts = (
  facts: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(allowed).flatMap(([name, form]) => {
      const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
      return value !== undefined && form.test(value) ? [[name, value] as const] : [];
    }),
  );
