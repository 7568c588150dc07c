/** A figure as the bytes of a file, in each format. A pixel of a drawing is 1/96 inch. */
import { embeddedFonts, fontFamily, fontFiles } from "./fonts.ts";

export interface Drawing {
  readonly svg: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** When its run began, in UTC: the date inside of files that have one. */
  readonly date: string;
}

const resolutions = [300, 200, 150] as const;
const mostBytes = 100_000;
const pointsPerPixel = 72 / 96;

const svg = async ({ svg: drawn }: Drawing): Promise<Uint8Array> => {
  const fonts = await embeddedFonts(drawn);
  return Buffer.from(drawn.replace(/<svg[^>]*>/u, (root) => root + fonts));
};

const pdf = async ({ svg: drawn, width, height, date }: Drawing): Promise<Uint8Array> => {
  const [{ default: Document }, { default: draw }] = await Promise.all([
    import("pdfkit"),
    import("svg-to-pdfkit"),
  ]);
  const size = [width * pointsPerPixel, height * pointsPerPixel] as [number, number];
  const document = new Document({
    size,
    margin: 0,
    info: { CreationDate: new Date(date) },
  });
  const { regular, bold } = fontFiles();
  document.registerFont("regular", regular).registerFont("bold", bold);
  const chunks: Array<Uint8Array> = [];
  const ended = new Promise<void>((resolve, reject) => {
    document.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    document.on("end", resolve);
    document.on("error", reject);
  });
  draw(document, drawn, 0, 0, {
    fontCallback: (_family, isBold) => (isBold ? "bold" : "regular"),
  });
  document.end();
  await ended;
  return Buffer.concat(chunks);
};

/** In as many dots an inch as keep it small, and no fewer than print needs. */
const png = async ({ svg: drawn }: Drawing): Promise<Uint8Array> => {
  const { Resvg } = await import("@resvg/resvg-js");
  const font = {
    fontFiles: Object.values(fontFiles()),
    loadSystemFonts: false,
    defaultFontFamily: fontFamily,
  };
  const draw = (dotsPerInch: number) =>
    new Resvg(drawn, {
      background: "white",
      fitTo: { mode: "zoom", value: dotsPerInch / 96 },
      font,
    })
      .render()
      .asPng();
  let image = draw(resolutions[0]);
  for (const dotsPerInch of resolutions.slice(1))
    if (image.length >= mostBytes) image = draw(dotsPerInch);
  return image;
};

export const formats = { svg, pdf, png };
export type Format = keyof typeof formats;
