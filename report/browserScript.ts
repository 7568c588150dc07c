/** The page's script as one text. The build replaces this module by its result (`rolldown.config.ts`). */
import { bundleBrowser } from "./bundleBrowser.ts";

export const browserScript = (): Promise<string> => bundleBrowser();
