/**
 * `npm run check`'s longest gates in one: the TypeScript compiler over the sources and over what runs in browsers, then
 * eslint's type-aware rules over the same two programs. What the compiler has found out of a type the rules need not
 * find out again: apart from each other they take a quarter longer.
 */
import { join } from "node:path";
import { ESLint } from "eslint";
import ts from "typescript";

const ROOT = process.cwd();
/** Each with its own settings; a file of both belongs to the first. */
const PROJECTS = ["tsconfig.json", "utility/dashboard/tsconfig.json"];

const host: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => ROOT,
  getCanonicalFileName: (name) => name,
  getNewLine: () => "\n",
};

/** The program of a tsconfig, and what the compiler has against it. */
function check(project: string): { readonly program: ts.Program; readonly faults: readonly ts.Diagnostic[] } {
  const parsed = ts.getParsedCommandLineOfConfigFile(
    join(ROOT, project),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (fault) => {
        throw new Error(ts.formatDiagnostic(fault, host));
      },
    },
  );
  if (parsed === undefined) throw new RangeError(`project: expected a tsconfig, got "${project}"`);
  const program = ts.createProgram({
    rootNames: parsed.fileNames,
    options: parsed.options,
    projectReferences: parsed.projectReferences ?? [],
    configFileParsingDiagnostics: parsed.errors,
  });
  return { program, faults: ts.getPreEmitDiagnostics(program) };
}

const checked = PROJECTS.map(check);
const faults = checked.flatMap((project) => project.faults);
if (faults.length > 0) {
  console.log(ts.formatDiagnostics(faults, host));
  process.exitCode = 1;
}
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: {
    files: ["**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { projectService: false, programs: checked.map(({ program }) => program) } },
  },
});
const results = await eslint.lintFiles(process.argv.length > 2 ? process.argv.slice(2) : ["."]);
const formatter = await eslint.loadFormatter("stylish");
const text = await formatter.format(results);
if (text !== "") console.log(text);
// A warning is a fault that nobody looks at.
if (results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0)) process.exitCode = 1;
