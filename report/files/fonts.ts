/** The typeface of figures in files: Source Sans 3 (OFL), which has Greek letters and a minus sign. */
import fs from "node:fs";
import { createRequire } from "node:module";

const { resolve } = createRequire(import.meta.url);

export const fontFamily = "Source Sans 3";

export const fontFiles = () => ({
  regular: resolve("@expo-google-fonts/source-sans-3/400Regular/SourceSans3_400Regular.ttf"),
  bold: resolve("@expo-google-fonts/source-sans-3/600SemiBold/SourceSans3_600SemiBold.ttf"),
});

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&amp;": "&",
};

/** A style with the letters that a drawing uses of each weight. */
export const embeddedFonts = async (svg: string): Promise<string> => {
  const { default: subset } = await import("subset-font");
  const { regular, bold } = fontFiles();
  const texts = [...svg.matchAll(/<text(?<attributes>[^>]*)>(?<text>[^<]*)</gu)].map(
    ({ groups }) => ({
      isBold: /font-weight="(?:bold|600)"/u.test(groups!["attributes"]!),
      text: groups!["text"]!.replaceAll(/&\w+;/gu, (entity) => entities[entity] ?? entity),
    }),
  );
  const faces = [
    { file: regular, weight: "400", isBold: false },
    { file: bold, weight: "600 700", isBold: true },
  ].map(async ({ file, weight, isBold }) => {
    const letters = texts.filter((each) => each.isBold === isBold).map(({ text }) => text);
    if (letters.length === 0) return "";
    const font = await subset(fs.readFileSync(file), letters.join(""), { targetFormat: "woff2" });
    return `@font-face{font-family:"${fontFamily}";font-weight:${weight};src:url(data:font/woff2;base64,${font.toString("base64")})}`;
  });
  return `<style>${(await Promise.all(faces)).join("")}</style>`;
};
