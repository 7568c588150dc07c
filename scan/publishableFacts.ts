/** The facts about machines (`pipelines/run/machineFacts.ts`) that a bundle may publish. Others, and values in another form, are left out. */

/** The form of each value; a comment says why it identifies nobody. */
const forms: Readonly<Record<string, RegExp>> = {
  // Millions of machines run the same system.
  os: /^[A-Za-z][A-Za-z0-9 _-]{0,30}(?: \d{1,5}(?:\.\d{1,5}){0,2})?$/,
  // Without the rest, in which people who build their own kernels put names.
  kernel: /^\d{1,3}\.\d{1,3}$/,
  platform: /^[a-z0-9]{2,12} [a-z0-9]{2,12}$/,
  // The print on the chip, sold to many.
  cpu: /^[A-Za-z0-9(][A-Za-z0-9 ()@.,+/_-]{0,100}$/,
  cores: /^\d{1,5}$/,
  // Rounded, since an odd size belongs to one virtual machine.
  memory: /^\d{1,6} GB$/,
  gpus: /^[A-Za-z0-9][A-Za-z0-9 ()×;.,+/_-]{0,300}$/,
  // The driver is a public download.
  driver: /^\d{1,5}(?:\.\d{1,5}){1,3}$/,
  node: /^v\d{1,3}\.\d{1,4}\.\d{1,4}$/,
};

export const publishableFacts = (
  facts: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(forms).flatMap(([name, form]) => {
      const value = Object.hasOwn(facts, name) ? facts[name] : undefined;
      return value !== undefined && form.test(value) ? [[name, value] as const] : [];
    }),
  );
