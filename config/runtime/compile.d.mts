/** What `compile.mjs` offers to TypeScript. */
import type { BuildOptions } from "esbuild";

/** Where compiled files lie: inside the project, so that packages are found from there. */
export declare const CACHE: string;

/** How esbuild compiles anything of this project; `sources` receives those of the threads that it starts. */
export declare function buildOptions(sources: Record<string, string>): Promise<BuildOptions>;
