/** A program does what the emulated chip does not model, or cannot do. */
export class MachineError extends Error {
  readonly code: "timer" | "sleep" | "jump" | "store";

  constructor(code: MachineError["code"], message: string) {
    super(message);
    this.name = "MachineError";
    this.code = code;
  }
}
