/** Makes the verifier one file of JavaScript: no package, no folder of this project is needed beside it. */
import { statSync } from "node:fs";
import { join } from "node:path";

/** Writes it to `file` and returns its size in bytes. */
export async function bundleVerifier(file: string): Promise<number> {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [join(import.meta.dirname, "verifier-main.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifyWhitespace: true,
    legalComments: "inline",
    logLevel: "error",
    // CBOR's native part is an option; without it the same is done in JavaScript.
    external: ["cbor-extract"],
    banner: {
      js: 'import { createRequire as wattveilRequire } from "node:module"; const require = wattveilRequire(import.meta.url);',
    },
  });
  return statSync(file).size;
}
