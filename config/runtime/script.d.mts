/** What `script.mjs` offers to TypeScript. */

/** The script of a module that esbuild made, given the imports that esbuild lists. Throws RangeError where none is. */
export declare function scriptOf(
  module: string,
  imports: readonly { readonly kind: string; readonly external?: boolean }[],
): string;
