/** Faults of a command that computes on files, told to its user: what cannot be used, and what cannot be written. */
import { EXIT, UsageError } from "../../config/runtime/role-command.ts";

type Kind = abstract new (...given: never[]) => Error;

/** Runs `work`. Errors of `kinds` are the user's fault, as UsageError; a file that cannot be written is told on stderr. */
export async function explained(
  name: string,
  kinds: readonly Kind[],
  work: () => number | Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && kinds.some((kind) => error instanceof kind)) throw new UsageError(error.message);
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || path === undefined) throw error;
    process.stderr.write(`${name}: ${path} cannot be written (${code ?? "unknown"})\n`);
    return EXIT.failed;
  }
}
