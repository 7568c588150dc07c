import { parentPort } from "node:worker_threads";
import { pictures } from "./pictures.ts";

parentPort?.postMessage(pictures().map((png) => png.toString("base64")));
