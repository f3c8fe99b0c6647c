/** Arithmetic as MATPOWER's cases use it to convert ohm and kW: numbers, names, + - * / ^ and parentheses. */

/** Values of names such as `Vbase`, `mpc.baseMVA` or `mpc.bus(1, BASE_KV)`; undefined for an unknown one. */
export type Lookup = (name: string) => number | undefined;

const TOKEN =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|(mpc\.bus\s*\([^)]*\)|[A-Za-z_][\w.]*)|([-+*/^()]))/y;

/** Throws RangeError that says what was not understood. */
export function evaluate(text: string, lookup: Lookup): number {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = (): string | undefined => tokens[at];
  const refuse = (): never => {
    throw new RangeError(`expected arithmetic, got ${JSON.stringify(text.trim())}`);
  };

  const atom = (): number => {
    const token = peek() ?? refuse();
    at += 1;
    if (token === "(") {
      const value = sum();
      if (peek() !== ")") refuse();
      at += 1;
      return value;
    }
    if (/^[\d.]/.test(token)) return Number(token);
    if (!/^[A-Za-z_]/.test(token)) refuse();
    const value = lookup(token);
    if (value === undefined) throw new RangeError(`unknown name ${token}`);
    return value;
  };
  const signed = (operand: () => number): number => {
    if (peek() !== "-") return operand();
    at += 1;
    return -signed(operand);
  };
  // From left to right, other than in mathematics; a sign in front binds less, one of an exponent more.
  const power = (): number => {
    let value = atom();
    while (peek() === "^") {
      at += 1;
      value **= signed(atom);
    }
    return value;
  };
  const factor = (): number => signed(power);
  const product = (): number => {
    let value = factor();
    for (let sign = peek(); sign === "*" || sign === "/"; sign = peek()) {
      at += 1;
      value = sign === "*" ? value * factor() : value / factor();
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = peek(); sign === "+" || sign === "-"; sign = peek()) {
      at += 1;
      value = sign === "+" ? value + product() : value - product();
    }
    return value;
  };

  const value = sum();
  if (at < tokens.length) refuse();
  return value;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  const rule = new RegExp(TOKEN);
  const { length } = text.trimEnd();
  while (rule.lastIndex < length) {
    const found = rule.exec(text);
    if (found === null) throw new RangeError(`expected arithmetic, got ${JSON.stringify(text.trim())}`);
    tokens.push(found[0].trim());
  }
  return tokens;
}
