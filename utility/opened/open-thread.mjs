/** The worker thread's entry: threads do not inherit the loader of TypeScript, so it is loaded here. */
import { tsImport } from "tsx/esm/api";

export const { open } = await tsImport("./worker.ts", import.meta.url);
