/** Public parameters of a circuit from the command line: short flags for the usual ones, `--parameter` for all. */
import { UsageError } from "../../config/runtime/role-command.ts";

export interface ParameterFlags {
  readonly levels?: string | undefined;
  readonly quantile?: string | undefined;
  readonly weights?: string | undefined;
  readonly parameter?: readonly string[] | undefined;
}

/** Throws UsageError. */
export function parametersOf({ levels, quantile, weights, parameter = [] }: ParameterFlags): Record<string, unknown> {
  return {
    ...(levels === undefined ? {} : { levels: numbers("--levels", levels) }),
    ...(quantile === undefined ? {} : { quantiles: numbers("--quantile", quantile) }),
    ...(weights === undefined ? {} : { weights: numbers("--weights", weights) }),
    ...Object.fromEntries(parameter.map(pair)),
  };
}

function numbers(flag: string, text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (part.trim() === "" || !Number.isFinite(value)) {
      throw new UsageError(`${flag} ${text}: expected numbers with commas between them, as in 500,1000`);
    }
    return value;
  });
}

function pair(text: string): [string, unknown] {
  const [, name, value] = /^([A-Za-z][A-Za-z0-9]*)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--parameter ${text}: expected name=value`);
  try {
    return [name, JSON.parse(value) as unknown];
  } catch {
    return [name, value];
  }
}
